#include <fcntl.h>
#include <sys/stat.h>

#include <thread>

#include "base/tree_bounds.h"
#include "engine/rocksdb/rocksdb_engine.h"
#include "registry/package.h"
#include "support/registry_fixture.h"

namespace modelfs {
namespace {

class Publish : public RegistryFixture {
 protected:
  const std::string large_ = std::string(300'000, 'w');  // above kInlineBlobBytesMax
};

// Blobs are links to draft files only where the engine has files.
class PublishOnDisk : public Publish {
 protected:
  void SetUp() override {
    auto engine = open_rocksdb_engine(directory_.path(), {.reserve_bytes = 0});
    ASSERT_TRUE(engine.ok()) << engine.status().message();
    open(std::move(*engine));
  }
};

TEST_F(Publish, MakesSmallAndLargeFilesReadable) {
  const DomainName domain = make_domain();
  const Ino draft = make_directory(stage(domain), "x");
  write_file(draft, "small", "abc");
  write_file(make_directory(draft, "sub"), "large", large_);
  write_file(draft, "empty", "");

  const auto published = publish(draft, stage(domain), "x", "churn/1.2.0");

  ASSERT_TRUE(published.ok()) << published.status().message();
  EXPECT_EQ(published->file_count, 3u);
  const auto release = registry_->snapshot()->release(domain, "1.2.0");
  ASSERT_TRUE(release.ok());
  EXPECT_EQ(release->ino, draft) << "the draft's directory becomes the release's";
  EXPECT_EQ(read_committed(release->ino, "small"), "abc");
  EXPECT_EQ(read_committed(release->ino, "sub/large"), large_);
  EXPECT_EQ(read_committed(release->ino, "empty"), "");
  EXPECT_EQ(registry_->drafts().tree().lookup(stage(domain), "x").code(), Code::NotFound);
}

TEST_F(Publish, FilesOfEverySizeMayBeReadForNothing) {
  const DomainName domain = make_domain();
  const Ino draft = make_directory(stage(domain), "x");
  write_file(draft, "small", "abc");
  write_file(draft, "large", large_);
  ASSERT_TRUE(publish(draft, stage(domain), "x", "churn/1.2.0").ok());
  const auto container = registry_->snapshot()->container(registry_->snapshot()->release(domain, "1.2.0")->ino);

  for (const char* name : {"small", "large"}) {
    const auto content = registry_->content().open(container->manifest->at(*container->manifest->find(name)));
    ASSERT_TRUE(content.ok()) << content.status().str();
    const auto got = (*content)->read_at(0, {});
    EXPECT_TRUE(got.ok() && *got == 0) << name;
  }
}

TEST_F(Publish, SweepsTheDraftAway) {
  const DomainName domain = make_domain();
  const Ino draft = make_directory(stage(domain), "x");
  const Ino file = write_file(draft, "large", large_);
  ASSERT_TRUE(publish(draft, stage(domain), "x", "churn/1.2.0").ok());

  ASSERT_TRUE(registry_->garbage().finish_sweeping().ok());

  EXPECT_EQ(registry_->drafts().tree().stat(file).code(), Code::NotFound);
  EXPECT_EQ(registry_->drafts().tree().stat(draft).code(), Code::NotFound);
  EXPECT_EQ(*registry_->drafts().reclaimer().remove_orphans(), 0u);
}

TEST_F(PublishOnDisk, LeavesToTheNextStartWhatIsNotSweptAtTheEnd) {
  const DomainName domain = make_domain();
  const Ino draft = make_directory(stage(domain), "x");
  const Ino file = write_file(make_directory(draft, "sub"), "large", large_);
  registry_->prepare_to_end();

  ASSERT_TRUE(publish(draft, stage(domain), "x", "churn/1.2.0").ok());
  EXPECT_EQ(registry_->garbage().finish_sweeping().code(), Code::Interrupted);
  EXPECT_TRUE(registry_->drafts().tree().stat(file).ok());
  registry_.reset();
  SetUp();
  ASSERT_TRUE(registry_->garbage().finish_sweeping().ok());

  EXPECT_EQ(registry_->drafts().tree().stat(file).code(), Code::NotFound);
  EXPECT_EQ(registry_->drafts().tree().stat(draft).code(), Code::NotFound);
  EXPECT_EQ(*registry_->drafts().reclaimer().remove_orphans(), 0u);
  EXPECT_EQ(read_committed(draft, "sub/large"), large_);
}

TEST_F(PublishOnDisk, SweepsAllOfADraftHoweverFarTheLastProcessCame) {
  const DomainName domain = make_domain();
  const Ino draft = make_directory(stage(domain), "x");
  std::vector<Ino> files;
  for (int i = 0; i < 3000; ++i) files.push_back(write_file(draft, std::to_string(i), "bytes " + std::to_string(i)));
  ASSERT_TRUE(publish(draft, stage(domain), "x", "churn/1.2.0", HashBudget::Full).ok());

  registry_.reset();  // while they are being swept
  SetUp();
  ASSERT_TRUE(registry_->garbage().finish_sweeping().ok());

  for (const Ino file : files) EXPECT_EQ(registry_->drafts().tree().stat(file).code(), Code::NotFound);
  EXPECT_EQ(registry_->drafts().tree().stat(draft).code(), Code::NotFound);
  EXPECT_EQ(*registry_->drafts().reclaimer().remove_orphans(), 0u);
  EXPECT_EQ(read_committed(draft, "2999"), "bytes 2999");
}

TEST_F(PublishOnDisk, FinishesTheSumOfACommitAfterTheEndHasBegun) {
  const DomainName domain = make_domain();
  const Ino draft = make_directory(stage(domain), "x");
  const std::string bytes(3 * DraftFile::kHashChunkBytes, 'w');
  const auto file = registry_->drafts().tree().make(draft, "weights", {FileType::Regular, {0, 0, 0644}, ""});
  ASSERT_TRUE(file.ok());
  registry_->prepare_to_end();
  {
    const auto handle = registry_->drafts().files().open(file->ino, true, 0);
    ASSERT_TRUE((*handle)->write(0, bytes_of(bytes)).ok());
    EXPECT_TRUE((*handle)->flush().ok()) << "a close is no failure";
  }

  ASSERT_TRUE(publish(draft, stage(domain), "x", "churn/1.2.0").ok());
  EXPECT_EQ(read_committed(draft, "weights"), bytes);
}

TEST_F(PublishOnDisk, DoesNotSumWhenTheTimeOfTheEndIsOverAndCanBeTriedAfterTheNextStart) {
  const DomainName domain = make_domain();
  const Ino draft = make_directory(stage(domain), "x");
  const std::string bytes(3 * DraftFile::kHashChunkBytes, 'w');
  const auto file = registry_->drafts().tree().make(draft, "weights", {FileType::Regular, {0, 0, 0644}, ""});
  ASSERT_TRUE(file.ok());
  registry_->prepare_to_end(std::chrono::seconds(0));
  {
    const auto handle = registry_->drafts().files().open(file->ino, true, 0);
    ASSERT_TRUE((*handle)->write(0, bytes_of(bytes)).ok());
    EXPECT_TRUE((*handle)->flush().ok()) << "a close is no failure";
  }

  EXPECT_EQ(publish(draft, stage(domain), "x", "churn/1.2.0").code(), Code::Busy);
  registry_.reset();
  SetUp();

  ASSERT_TRUE(publish(draft, stage(domain), "x", "churn/1.2.0").ok());
  EXPECT_EQ(read_committed(draft, "weights"), bytes);
}

TEST_F(Publish, RefusesAVersionThatExists) {
  const DomainName domain = make_domain();
  ASSERT_TRUE(publish_bytes(domain, "churn/1.2.0", "one").ok());
  const Ino draft = make_directory(stage(domain), "loser");
  const Ino file = write_file(draft, "weights", "two");

  EXPECT_EQ(publish(draft, stage(domain), "loser", "churn/1.2.0", HashBudget::Short).code(), Code::AlreadyExists);
  EXPECT_EQ(publish(draft, stage(domain), "loser", "churn/1.2.0", HashBudget::Full).code(), Code::AlreadyExists);
  EXPECT_TRUE(registry_->drafts().tree().stat(file).ok()) << "the loser keeps its draft";
}

TEST_F(Publish, ByCommandSaysThatIdenticalContentIsThereAlready) {
  const DomainName domain = make_domain();
  ASSERT_TRUE(publish_bytes(domain, "churn/1.2.0", "one").ok());

  const auto again = publish_bytes(domain, "churn/1.2.0", "one");

  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_TRUE(again->already);
}

TEST_F(Publish, NumbersGenerationsWithoutGaps) {
  const DomainName domain = make_domain();
  ASSERT_TRUE(publish_bytes(domain, "churn/1.2.0", "package").ok());

  EXPECT_EQ(publish_bytes(domain, "churn/1.2.0/next", "g1")->generation, Generation{1});
  EXPECT_EQ(publish_bytes(domain, "churn/1.2.0/2", "g2")->generation, Generation{2});
  EXPECT_EQ(publish_bytes(domain, "churn/1.2.0/4", "g4").code(), Code::OutOfRange);
  EXPECT_EQ(publish_bytes(domain, "churn/1.2.0/1", "other").code(), Code::AlreadyExists);
  EXPECT_EQ(registry_->snapshot()->release(domain, "1.2.0")->last_generation, Generation{2});
}

TEST_F(Publish, MakesTopLevelNumbersGenerationsWhenTheyAreDense) {
  const DomainName domain = make_domain();
  const Ino draft = make_directory(stage(domain), "x");
  write_file(draft, "config.pbtxt", "c");
  write_file(make_directory(draft, "1"), "model", "one");
  write_file(make_directory(draft, "2"), "model", "two");

  ASSERT_TRUE(publish(draft, stage(domain), "x", "churn/1").ok());

  const auto stored = registry_->snapshot();
  const auto release = stored->release(domain, "1");
  EXPECT_EQ(release->last_generation, Generation{2});
  EXPECT_EQ(read_committed(stored->generation(domain, release->sequence, Generation{2})->ino, "model"), "two");
  EXPECT_EQ(release->file_count, 1u);
}

TEST_F(Publish, LeavesOtherTopLevelNumbersInThePackage) {
  const DomainName domain = make_domain();
  const Ino draft = make_directory(stage(domain), "x");
  write_file(make_directory(draft, "1"), "model", "one");
  write_file(make_directory(draft, "3"), "model", "three");

  ASSERT_TRUE(publish(draft, stage(domain), "x", "churn/1").ok());

  const auto release = registry_->snapshot()->release(domain, "1");
  EXPECT_FALSE(release->takes_generations);
  EXPECT_EQ(read_committed(release->ino, "3/model"), "three");
  EXPECT_EQ(publish_bytes(domain, "churn/1/next", "g").code(), Code::NotPermitted);
}

TEST_F(Publish, StoresIdenticalBytesOnceInAllDomains) {
  const DomainName churn = make_domain("churn");
  const DomainName fraud = make_domain("fraud");
  ASSERT_TRUE(publish_bytes(churn, "churn/1", large_).ok());
  ASSERT_TRUE(publish_bytes(fraud, "fraud/1", large_).ok());

  const auto report = registry_->verifier().verify("", "", nullptr);

  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->blobs, 1u);
  EXPECT_TRUE(report->problems.empty());
}

TEST_F(Publish, TakesTreesOfABoundedDepth) {
  const DomainName domain = make_domain();
  const auto publish_deep = [&](std::size_t depth, std::string_view path) {
    const Ino draft = make_directory(stage(domain), path);
    Ino place = draft;
    for (std::size_t level = 1; level < depth; ++level) place = make_directory(place, "d");
    write_file(place, "f", "x");
    return publish(draft, stage(domain), path, "churn/" + std::string(path));
  };

  EXPECT_TRUE(publish_deep(kTreeDepthMax, "1").ok());
  const auto refused = publish_deep(kTreeDepthMax + 1, "2");
  EXPECT_EQ(refused.code(), Code::Malformed);
  EXPECT_NE(refused.status().message().find("deeper than 128"), std::string::npos) << refused.status().message();
}

TEST_F(Publish, TakesPathsOfABoundedLength) {
  const DomainName domain = make_domain();
  const auto publish_long = [&](std::size_t path_bytes, std::string_view path) {
    const Ino draft = make_directory(stage(domain), path);
    Ino place = draft;
    for (; path_bytes > 255; path_bytes -= 201) place = make_directory(place, std::string(200, 'd'));
    write_file(place, std::string(path_bytes, 'f'), "x");
    return publish(draft, stage(domain), path, "churn/" + std::string(path));
  };

  EXPECT_TRUE(publish_long(kTreePathBytesMax, "1").ok());
  EXPECT_EQ(publish_long(kTreePathBytesMax + 1, "2").code(), Code::Malformed);
}

TEST_F(Publish, RefusesSymlinksThatLeaveTheRelease) {
  const DomainName domain = make_domain();
  const Ino draft = make_directory(stage(domain), "x");
  const Ino sub = make_directory(draft, "sub");
  const auto link = [&](Ino where, const char* name, const char* points) {
    ASSERT_TRUE(registry_->drafts().tree().make(where, name, {FileType::Symlink, {0, 0, 0777}, points}).ok());
  };
  link(sub, "up", "..");  // the root of the release: inside
  link(draft, "bad", "sub/up/../other");

  const auto refused = publish(draft, stage(domain), "x", "churn/1");

  EXPECT_EQ(refused.code(), Code::Malformed);
  EXPECT_NE(refused.status().message().find("bad"), std::string::npos) << refused.status().message();
  ASSERT_TRUE(registry_->drafts().tree().unlink(draft, "bad").ok());
  link(draft, "absolute", "/etc/passwd");
  EXPECT_EQ(publish(draft, stage(domain), "x", "churn/1").code(), Code::Malformed);
  ASSERT_TRUE(registry_->drafts().tree().unlink(draft, "absolute").ok());
  EXPECT_TRUE(publish(draft, stage(domain), "x", "churn/1").ok());
}

TEST_F(Publish, IsBusyWhileAFileIsOpenForWriting) {
  const DomainName domain = make_domain();
  const Ino draft = make_directory(stage(domain), "x");
  const Ino file = write_file(draft, "weights", "abc");
  auto writer = registry_->drafts().files().open(file, true, 0);
  ASSERT_TRUE(writer.ok());

  const auto refused = publish(draft, stage(domain), "x", "churn/1", HashBudget::Short);

  EXPECT_EQ(refused.code(), Code::Busy);
  EXPECT_NE(refused.status().message().find("weights"), std::string::npos);
  writer->reset();
  EXPECT_TRUE(publish(draft, stage(domain), "x", "churn/1", HashBudget::Short).ok());
}

TEST_F(Publish, WaitsForAReleaseThatIsOnItsWay) {
  const DomainName domain = make_domain();
  const Ino draft = make_directory(stage(domain), "x");
  const Ino file = write_file(draft, "weights", "abc");
  auto writer = registry_->drafts().files().open(file, true, 0);
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE((*writer)->flush().ok());  // close(2) has returned; RELEASE comes later

  std::thread release([&] { writer->reset(); });
  const auto published = publish(draft, stage(domain), "x", "churn/1", HashBudget::Short);
  release.join();

  EXPECT_TRUE(published.ok()) << published.status().message();
}

TEST_F(PublishOnDisk, GivesAFileWithANameOutsideItsOwnBytesThere) {
  const DomainName domain = make_domain();
  const Ino place = stage(domain);
  const Ino draft = make_directory(place, "x");
  const Ino file = write_file(draft, "weights", large_);
  ASSERT_TRUE(registry_->drafts().tree().link(file, place, "outside").ok());
  ASSERT_TRUE(publish(draft, place, "x", "churn/1").ok());
  ASSERT_TRUE(registry_->garbage().finish_sweeping().ok());

  auto writer = registry_->drafts().files().open(file, true, 0);
  ASSERT_TRUE(writer.ok()) << writer.status().message();
  ASSERT_TRUE((*writer)->write(0, bytes_of("changed")).ok());

  const auto release = registry_->snapshot()->release(domain, "1");
  EXPECT_EQ(read_committed(release->ino, "weights"), large_) << "a write outside must not reach the blob";
  EXPECT_EQ(registry_->drafts().tree().stat(file)->size_bytes, large_.size());
}

TEST_F(Publish, KeepsHolesModesTimesAndHardLinks) {
  const DomainName domain = make_domain();
  const Ino draft = make_directory(stage(domain), "x");
  const Ino file = write_file(draft, "sparse", "abc");
  ASSERT_TRUE(registry_->drafts().tree().link(file, draft, "twin").ok());
  DraftChange change;
  change.size_bytes = 1 << 20;
  change.mode = 0755;
  change.mtime = TimeNs{1'000'000'007};
  ASSERT_TRUE(registry_->drafts().attributes().setattr(file, change).ok());

  ASSERT_TRUE(publish(draft, stage(domain), "x", "churn/1").ok());

  const auto container = registry_->snapshot()->container(registry_->snapshot()->release(domain, "1")->ino);
  const ManifestEntry& entry = container->manifest->at(*container->manifest->find("sparse"));
  EXPECT_EQ(entry.size_bytes, 1u << 20);
  EXPECT_LT(entry.allocated_bytes, 65536u);
  EXPECT_EQ(entry.mode, 0755u);
  EXPECT_EQ(entry.mtime, TimeNs{1'000'000'007});
  EXPECT_EQ(entry.link_count, 2u);
  EXPECT_EQ(entry.ino, file);
}

TEST_F(Publish, TakesAMetadataDocumentThatLiesBesideTheDraft) {
  const DomainName domain = make_domain();
  const Ino place = registry_->snapshot()->domain(domain)->ino;
  const std::string document = "{\"mine\":  NaN}\n";
  const Ino given = write_file(place, "1.json", document);
  ASSERT_TRUE(publish_bytes(domain, "churn/1", "abc").ok());

  const auto release = registry_->snapshot()->release(domain, "1");

  EXPECT_TRUE(release->metadata_given);
  EXPECT_EQ(*registry_->snapshot()->metadata(release->ino), document);
  EXPECT_EQ(registry_->drafts().tree().stat(given).code(), Code::NotFound);
}

TEST_F(Publish, RefusesMetadataThatIsNoJson) {
  const DomainName domain = make_domain();
  const Ino given = write_file(registry_->snapshot()->domain(domain)->ino, "1.json", "{\"a\":1,\"a\":2}");

  const auto refused = publish_bytes(domain, "churn/1", "abc");

  EXPECT_EQ(refused.code(), Code::Malformed);
  EXPECT_TRUE(registry_->drafts().tree().stat(given).ok()) << "what was refused is kept";
}

TEST_F(Publish, LetsOnlyThoseInWhoMayWriteTheDomain) {
  const DomainName domain = make_domain();
  const Ino draft = make_directory(stage(domain), "x");
  write_file(draft, "weights", "abc");

  EXPECT_EQ(publish(draft, stage(domain), "x", "churn/1", HashBudget::Full, kAlice).code(), Code::Denied);
}

TEST_F(Publish, HasOneWinnerAmongManyAndKeepsTheLosersDrafts) {
  const DomainName domain = make_domain();
  constexpr int kThreads = 8;
  std::vector<Ino> drafts;
  for (int i = 0; i < kThreads; ++i) {
    drafts.push_back(make_directory(stage(domain), "x" + std::to_string(i)));
    write_file(drafts.back(), "weights", "bytes of " + std::to_string(i));
  }
  std::vector<Code> codes(kThreads);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      const auto at = static_cast<std::size_t>(i);
      codes[at] = publish(drafts[at], stage(domain), "x" + std::to_string(i), "churn/1", HashBudget::Short).code();
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(std::count(codes.begin(), codes.end(), Code::Ok), 1);
  EXPECT_EQ(std::count(codes.begin(), codes.end(), Code::AlreadyExists), kThreads - 1);
  EXPECT_EQ(registry_->drafts().tree().list(stage(domain))->size(), static_cast<std::size_t>(kThreads - 1));
}

TEST_F(PublishOnDisk, NeverSharesABlobWithADraftThatIsWrittenAgain) {
  const DomainName domain = make_domain();
  constexpr int kThreads = 4;
  std::vector<Ino> drafts;
  std::vector<Ino> files;
  for (int i = 0; i < kThreads; ++i) {
    drafts.push_back(make_directory(stage(domain), "x" + std::to_string(i)));
    files.push_back(write_file(drafts.back(), "weights", large_));  // the same bytes in all of them
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      (void)publish(drafts[static_cast<std::size_t>(i)], stage(domain), "x" + std::to_string(i), "churn/1",
                    HashBudget::Short);
    });
  }
  for (std::thread& thread : threads) thread.join();

  const auto losers = registry_->drafts().tree().list(stage(domain));
  ASSERT_TRUE(losers.ok());
  EXPECT_EQ(losers->size(), static_cast<std::size_t>(kThreads - 1));
  for (const DraftName& left : *losers) {
    const auto file = registry_->drafts().tree().lookup(left.ino, "weights");
    auto writer = registry_->drafts().files().open(file->ino, true, 0);
    ASSERT_TRUE(writer.ok()) << writer.status().message();
    EXPECT_TRUE((*writer)->write(0, bytes_of("spoilt")).ok());
  }
  EXPECT_EQ(read_committed(registry_->snapshot()->release(domain, "1")->ino, "weights"), large_);
  EXPECT_TRUE(registry_->verifier().verify("", "", nullptr)->problems.empty());
}

TEST_F(Publish, GivesEachOfManyTrainersANumberOfItsOwn) {
  const DomainName domain = make_domain();
  ASSERT_TRUE(publish_bytes(domain, "churn/1", "package").ok());
  constexpr int kThreads = 8;
  constexpr int kEach = 10;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int k = 0; k < kEach; ++k) {
        const std::string name = "x" + std::to_string(i) + "-" + std::to_string(k);
        const Ino draft = make_directory(stage(domain), name);
        write_file(draft, "state", name);
        EXPECT_TRUE(publish(draft, stage(domain), name, "churn/1/next", HashBudget::Short).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  const auto stored = registry_->snapshot();
  const auto release = stored->release(domain, "1");
  EXPECT_EQ(release->last_generation, Generation{kThreads * kEach});
  std::uint64_t expected = 1;
  ASSERT_TRUE(stored
                  ->for_each_generation(domain, release->sequence,
                                        [&](const GenerationRecord& record) {
                                          EXPECT_EQ(raw(record.number), expected++);
                                          return true;
                                        })
                  .ok());
  EXPECT_EQ(expected, kThreads * kEach + 1u);
}

// A package that comes with generations 1, 2, …, which hold these bytes.
class PublishWithGenerations : public Publish {
 protected:
  Result<Published> publish_with(const std::string& path, const std::vector<std::string>& generations,
                                 const std::string& latest = "") {
    const DomainName domain = *DomainName::parse("churn");
    const Ino draft = make_directory(stage(domain), "x");
    write_file(draft, "config", "c");
    int number = 0;
    for (const std::string& bytes : generations) {
      write_file(make_directory(draft, std::to_string(++number)), "weights", bytes);
    }
    if (!latest.empty()) {
      const auto made = registry_->drafts().tree().make(draft, "latest", {FileType::Symlink, {0, 0, 0777}, latest});
      EXPECT_TRUE(made.ok());
    }
    auto published = publish(draft, stage(domain), "x", path);
    if (!published.ok() || published->already) {
      EXPECT_TRUE(registry_->drafts().reclaimer().discard(stage(domain), "x").ok());
    }
    return published;
  }
};

TEST_F(PublishWithGenerations, TheDigestCoversThem) {
  const DomainName domain = make_domain();
  const auto none = publish_with("churn/1", {});
  const auto one = publish_with("churn/2", {"a"});
  const auto other = publish_with("churn/3", {"b"});
  const auto same = publish_with("churn/4", {"a"});
  ASSERT_TRUE(none.ok() && one.ok() && other.ok() && same.ok());

  EXPECT_NE(one->digest, none->digest);
  EXPECT_NE(one->digest, other->digest);
  EXPECT_EQ(one->digest, same->digest);
  EXPECT_NE(publish_with("churn/5", {"a", "b"})->digest, publish_with("churn/6", {"b", "a"})->digest);
  const auto stored = registry_->snapshot();
  EXPECT_EQ(stored->release(domain, "1")->digest,
            stored->container(stored->release(domain, "1")->ino)->manifest->content_digest())
      << "without any it is that of the package";
  EXPECT_NE(stored->metadata(stored->release(domain, "2")->ino)->find(one->digest.hex()), std::string::npos);
}

TEST_F(PublishWithGenerations, AgainIsFoundPublishedOrHasOtherContent) {
  make_domain();
  ASSERT_TRUE(publish_with("churn/1", {"a", "b"}).ok());

  EXPECT_TRUE(publish_with("churn/1", {"a", "b"})->already);
  EXPECT_EQ(publish_with("churn/1", {"a", "c"}).code(), Code::AlreadyExists);
}

TEST_F(PublishWithGenerations, ARemovedNameComesBackOnlyWithTheSameOnes) {
  const DomainName domain = make_domain();
  ASSERT_TRUE(publish_with("churn/1", {"a", "b"}).ok());
  ASSERT_TRUE(registry_->trash().remove(domain, "1", kRoot).ok());

  EXPECT_EQ(publish_with("churn/1", {"a", "c"}).code(), Code::AlreadyExists);
  EXPECT_EQ(publish_with("churn/1", {"a"}).code(), Code::AlreadyExists);
  EXPECT_EQ(publish_with("churn/1", {}).code(), Code::AlreadyExists);
  EXPECT_TRUE(publish_with("churn/1", {"a", "b"}).ok());
}

TEST_F(PublishWithGenerations, ASymlinkLatestToOneOfThemIsTheOneThatEachReleaseShows) {
  const DomainName domain = make_domain();
  const auto original = publish_with("churn/1", {"a", "b"});
  const auto copy = publish_with("churn/2", {"a", "b"}, "2");
  const auto own = publish_with("churn/3", {"a", "b"}, "config");
  ASSERT_TRUE(original.ok() && copy.ok() && own.ok());

  EXPECT_EQ(copy->digest, original->digest);
  const auto stored = registry_->snapshot();
  const auto manifest_of = [&](const char* version) {
    return stored->container(stored->release(domain, version)->ino)->manifest;
  };
  EXPECT_EQ(manifest_of("2")->find("latest").code(), Code::NotFound);
  EXPECT_TRUE(manifest_of("3")->find("latest").ok()) << "it leads elsewhere: it is the package's own";
}

TEST_F(Publish, KeepsAttributesUpToTheLimitOfAPackageAndRefusesMore) {
  const DomainName domain = make_domain();
  const Ino draft = make_directory(stage(domain), "x");
  const std::string value(kAttributeBytesMax, 'v');
  constexpr std::uint64_t kCount = kPackageAttributeBytesMax / kAttributeBytesMax;
  for (std::uint64_t i = 0; i < kCount; ++i) {
    const Ino file = write_file(draft, "f" + std::to_string(i), "");
    // The name and the byte that tells an empty value from none are counted too.
    const std::string name = "user." + std::string(3, static_cast<char>('a' + i % 26));
    ASSERT_TRUE(
        registry_->drafts().attributes().setxattr(file, name, value.substr(name.size() + 1), AttributeMode::Set).ok());
  }
  const Ino last = write_file(draft, "last", "");
  ASSERT_TRUE(registry_->drafts().attributes().setxattr(last, "user.x", "", AttributeMode::Set).ok());

  const auto refused = publish(draft, stage(domain), "x", "churn/1.0");

  EXPECT_EQ(refused.code(), Code::TooLarge);
  EXPECT_NE(refused.status().message().find("remove some"), std::string::npos) << refused.status().message();
  ASSERT_TRUE(registry_->drafts().attributes().removexattr(last, "user.x").ok());
  const auto published = publish(draft, stage(domain), "x", "churn/1.0");
  ASSERT_TRUE(published.ok()) << published.status().message();
  const auto manifest = registry_->snapshot()->container(draft)->manifest;
  EXPECT_EQ(manifest->at(*manifest->find("f7")).attributes.size(), 1u);
  EXPECT_TRUE(manifest->at(*manifest->find("last")).attributes.empty());
}

}  // namespace
}  // namespace modelfs
