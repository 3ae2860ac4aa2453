#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/keys.h"
#include "catalog/records.h"
#include "support/registry_on_disk.h"

namespace modelfs {
namespace {

// A release with a large and a small file, and an empty draft file that is open for writing.
class Borrow : public RegistryOnDisk {
 protected:
  void SetUp() override {
    restart();
    domain_ = make_domain();
    place_ = stage(*domain_);
    const Ino draft = make_directory(place_, "source");
    write_file(draft, "large", large_);
    write_file(draft, "small", small_);
    ASSERT_TRUE(publish(draft, place_, "source", "churn/1").ok());
    source_ = draft;
    copy_ = make_directory(place_, "copy");
  }

  Digest digest_of(const std::string& name) {
    const auto found = registry_->snapshot()->container(source_);
    return found->manifest->at(*found->manifest->find(name)).hash.digest;
  }

  std::unique_ptr<DraftHandle> create(const std::string& name) {
    const auto made = registry_->drafts().tree().make(copy_, name, {FileType::Regular, {0, 0, 0644}, ""});
    EXPECT_TRUE(made.ok()) << made.status().message();
    return open_for_writing(made->ino);
  }

  std::unique_ptr<DraftHandle> open_for_writing(Ino ino) { return open_draft(ino, true); }

  // As cp does: a file that is borrowed whole and closed.
  Ino borrow_whole(const std::string& name, const std::string& as) {
    const auto handle = create(as);
    const Status status = handle->borrow(digest_of(name), 0, bytes_in(name).size());
    EXPECT_TRUE(status.ok()) << status.message();
    EXPECT_TRUE(handle->flush().ok());
    return handle->file().ino();
  }

  const std::string& bytes_in(const std::string& name) const { return name == "large" ? large_ : small_; }

  Result<Published> publish_copy(const std::string& version) {
    return publish(copy_, place_, "copy", "churn/" + version, HashBudget::Short);
  }

  const std::string large_ = std::string(150'000, 'w') + std::string(150'000, 'v');
  const std::string small_ = "few";
  std::optional<DomainName> domain_;
  Ino place_ = kNoIno;
  Ino source_ = kNoIno;
  Ino copy_ = kNoIno;
};

TEST_F(Borrow, ShowsTheBytesAndWritesNone) {
  for (const char* name : {"large", "small"}) {
    const Ino ino = borrow_whole(name, name);

    EXPECT_EQ(registry_->drafts().tree().stat(ino)->size_bytes, bytes_in(name).size());
    EXPECT_EQ(registry_->drafts().tree().stat(ino)->blocks, (bytes_in(name).size() + 4095) / 4096 * 8);
    EXPECT_EQ(bytes_of_draft(ino), bytes_in(name));
    EXPECT_EQ(host_bytes(ino), std::nullopt);
  }
}

TEST_F(Borrow, IsPublishedWithoutASum) {
  const Ino large = borrow_whole("large", "a");
  borrow_whole("small", "b");
  EXPECT_EQ(host_bytes(large), std::nullopt);

  const auto published = publish_copy("2");

  ASSERT_TRUE(published.ok()) << published.status().message();
  EXPECT_EQ(read_committed(copy_, "a"), large_);
  EXPECT_EQ(read_committed(copy_, "b"), small_);
  EXPECT_TRUE(registry_->verifier().verify("", "", [](std::uint64_t, std::uint64_t) {})->problems.empty());
  ASSERT_TRUE(registry_->garbage().finish_sweeping().ok());
  EXPECT_EQ(registry_->drafts().tree().stat(large).code(), Code::NotFound);
  EXPECT_EQ(*registry_->drafts().reclaimer().remove_orphans(), 0u);
}

TEST_F(Borrow, NoChangeEverReachesTheBlob) {
  for (const char* name : {"large", "small"}) {
    const auto handle = create(std::string(name) + "-open");
    const Ino open = handle->file().ino();
    ASSERT_TRUE(handle->borrow(digest_of(name), 0, bytes_in(name).size()).ok());
    ASSERT_TRUE(handle->write(1, bytes_of("X")).ok()) << "through the handle that borrowed";
    const Ino closed = borrow_whole(name, std::string(name) + "-closed");
    ASSERT_TRUE(open_for_writing(closed)->write(1, bytes_of("X")).ok());
    const Ino cut = borrow_whole(name, std::string(name) + "-cut");
    DraftChange shorter;
    shorter.size_bytes = 2;
    ASSERT_TRUE(registry_->drafts().attributes().setattr(cut, shorter).ok());
    const Ino emptied = borrow_whole(name, std::string(name) + "-emptied");
    ASSERT_TRUE(open_for_writing(emptied)->file().truncate(0).ok());

    std::string expected = bytes_in(name);
    expected[1] = 'X';
    EXPECT_EQ(bytes_of_draft(open), expected);
    EXPECT_EQ(bytes_of_draft(closed), expected);
    EXPECT_EQ(bytes_of_draft(cut), bytes_in(name).substr(0, 2));
    EXPECT_EQ(bytes_of_draft(emptied), "");
    EXPECT_EQ(read_committed(source_, name), bytes_in(name));
  }
  EXPECT_TRUE(registry_->verifier().verify("", "", [](std::uint64_t, std::uint64_t) {})->problems.empty());
}

TEST_F(Borrow, WhatWasChangedAfterwardsIsPublishedAsItIs) {
  auto handle = create("a");
  ASSERT_TRUE(handle->borrow(digest_of("large"), 0, large_.size()).ok());
  ASSERT_TRUE(handle->write(large_.size(), bytes_of("more")).ok());
  ASSERT_TRUE(handle->flush().ok());

  const auto published = publish(copy_, place_, "copy", "churn/2");
  EXPECT_EQ(published.code(), Code::Busy) << "it is open";
  handle.reset();
  ASSERT_TRUE(publish_copy("2").ok());

  EXPECT_EQ(read_committed(copy_, "a"), large_ + "more");
  EXPECT_EQ(read_committed(source_, "large"), large_);
}

TEST_F(Borrow, GoesOnWhereItEnded) {
  const auto handle = create("a");
  ASSERT_TRUE(handle->borrow(digest_of("large"), 0, 100'000).ok());
  EXPECT_EQ(registry_->drafts().tree().stat(handle->file().ino())->size_bytes, 100'000u);
  EXPECT_EQ(bytes_of_draft(handle->file().ino()), large_.substr(0, 100'000));
  ASSERT_TRUE(handle->borrow(digest_of("large"), 100'000, 200'000).ok());

  EXPECT_EQ(bytes_of_draft(handle->file().ino()), large_);
  EXPECT_EQ(host_bytes(handle->file().ino()), std::nullopt);
}

TEST_F(Borrow, TheStartOfABlobIsPublishedAsItself) {
  {
    const auto handle = create("a");
    ASSERT_TRUE(handle->borrow(digest_of("large"), 0, 100'000).ok());
    ASSERT_TRUE(handle->flush().ok());
  }

  ASSERT_TRUE(publish_copy("2").ok());

  EXPECT_EQ(read_committed(copy_, "a"), large_.substr(0, 100'000));
}

TEST_F(Borrow, RefusesWhatWouldNotBeTheSameBytes) {
  const auto handle = create("a");
  const auto borrow = [&](std::uint64_t from, std::uint64_t count) {
    return handle->borrow(digest_of("large"), from, count).code();
  };
  EXPECT_EQ(borrow(10, 10), Code::Conflict) << "it has not the first ten";
  EXPECT_EQ(borrow(0, large_.size() + 1), Code::InvalidArgument);
  ASSERT_TRUE(handle->write(0, bytes_of("x")).ok());
  EXPECT_EQ(borrow(0, 10), Code::Conflict) << "it has bytes of its own";
  EXPECT_EQ(borrow(1, 10), Code::Conflict);

  const auto other = create("b");
  ASSERT_TRUE(other->borrow(digest_of("large"), 0, 2).ok());
  EXPECT_EQ(other->borrow(digest_of("small"), 2, 1).code(), Code::Conflict) << "another blob's";
  EXPECT_EQ(other->borrow(digest_of("large"), 0, 3).code(), Code::Conflict) << "from the start";
}

TEST_F(Borrow, IsTheSameInTheNextProcess) {
  const Ino whole = borrow_whole("large", "whole");
  auto handle = create("start");
  const Ino start = handle->file().ino();
  ASSERT_TRUE(handle->borrow(digest_of("large"), 0, 100'000).ok());
  handle.reset();
  restart();

  EXPECT_EQ(bytes_of_draft(whole), large_);
  EXPECT_EQ(bytes_of_draft(start), large_.substr(0, 100'000));
  ASSERT_TRUE(publish_copy("2").ok());
  EXPECT_EQ(read_committed(copy_, "whole"), large_);
}

TEST_F(Borrow, KeepsTheBlobFromGc) {
  const auto is_kept = [&] {
    bool found = false;
    EXPECT_TRUE(registry_->drafts()
                    .reclaimer()
                    .for_each_blob([&](const Digest& digest) { found |= digest == digest_of("large"); })
                    .ok());
    return found;
  };
  EXPECT_FALSE(is_kept());

  const Ino ino = borrow_whole("large", "a");
  EXPECT_TRUE(is_kept()) << "whatever becomes of the release";
  ASSERT_TRUE(registry_->garbage().collect().ok());
  EXPECT_EQ(bytes_of_draft(ino), large_);
  ASSERT_TRUE(open_for_writing(ino)->write(0, bytes_of("X")).ok());
  EXPECT_FALSE(is_kept());
}

TEST_F(Borrow, ADamagedBlobIsNotPublishedAgain) {
  borrow_whole("large", "a");
  const std::string name = digest_of("large").hex();
  const auto blobs = open_at(directory_.fd(), "blobs/" + name.substr(0, 2), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(::unlinkat(blobs->fd(), name.c_str(), 0), 0);

  EXPECT_EQ(publish_copy("2").code(), Code::Corrupt);
}

TEST_F(Borrow, KeepsTheTimesThatItIsGiven) {
  const Ino ino = borrow_whole("large", "a");
  DraftChange times;
  times.mtime = TimeNs{5'000'000'000};
  ASSERT_TRUE(registry_->drafts().attributes().setattr(ino, times).ok());

  EXPECT_EQ(registry_->drafts().tree().stat(ino)->mtime, *times.mtime);
  EXPECT_EQ(host_bytes(ino), std::nullopt) << "as cp -p does";
  ASSERT_TRUE(publish_copy("2").ok());
  const auto found = registry_->snapshot()->container(copy_);
  EXPECT_EQ(found->manifest->at(*found->manifest->find("a")).mtime, *times.mtime);
}

TEST_F(Borrow, WhoOpensTheCopyReadsWhatIsWrittenLater) {
  const Ino ino = borrow_whole("large", "a");
  const auto reader = registry_->drafts().files().open(ino, false, 0);
  ASSERT_TRUE(reader.ok());
  ASSERT_TRUE(open_for_writing(ino)->write(0, bytes_of("X")).ok());

  std::string first(1, '\0');
  ASSERT_TRUE((*reader)->file().read(0, std::as_writable_bytes(std::span(first))).ok());
  EXPECT_EQ(first, "X");
}

TEST_F(Borrow, IsNotFollowedByAnybody) {
  struct Follower : WriteListener {
    void grown(std::uint64_t) override {}
    void spoiled() override {}
    Status verdict() override { return {}; }
  };
  const auto handle = create("a");
  ASSERT_TRUE(handle->borrow(digest_of("large"), 0, large_.size()).ok());
  EXPECT_FALSE(registry_->drafts().files().follow(handle->file().ino(), std::make_shared<Follower>()))
      << "its bytes were not written";

  const auto other = create("b");
  const auto follower = std::make_shared<Follower>();
  ASSERT_TRUE(registry_->drafts().files().follow(other->file().ino(), follower));
  EXPECT_EQ(other->borrow(digest_of("large"), 0, large_.size()).code(), Code::Conflict);
}

TEST_F(Borrow, IsNotDoneWhereAnotherHasItOpenAsAnotherFile) {
  const auto made = registry_->drafts().tree().make(copy_, "a", {FileType::Regular, {0, 0, 0644}, ""});
  ASSERT_TRUE(open_for_writing(made->ino)->file().own().ok());
  const auto reader = registry_->drafts().files().open(made->ino, false, 0);
  const auto writer = open_for_writing(made->ino);

  EXPECT_EQ(writer->borrow(digest_of("large"), 0, large_.size()).code(), Code::Conflict);
}

TEST_F(Borrow, GivesMetadataFromFilesThatAreBorrowed) {
  const Ino draft = make_directory(place_, "with-info");
  write_file(draft, "model-info.json", R"({"task": "churn"})");
  ASSERT_TRUE(publish(draft, place_, "with-info", "churn/1.5").ok());
  source_ = draft;
  auto handle = create("model-info.json");
  ASSERT_TRUE(handle->borrow(digest_of("model-info.json"), 0, 17).ok());
  handle.reset();

  ASSERT_TRUE(publish_copy("2").ok());

  EXPECT_NE(registry_->snapshot()->metadata(copy_)->find("\"churn\""), std::string::npos);
}

TEST_F(Borrow, TheEndOfACopyIsOneFileForAll) {
  const auto first = create("a");
  const Ino ino = first->file().ino();
  ASSERT_TRUE(first->borrow(digest_of("large"), 0, large_.size()).ok());
  const auto second = open_for_writing(ino);
  ASSERT_TRUE(first->write(0, bytes_of("1")).ok());
  ASSERT_TRUE(second->write(1, bytes_of("2")).ok());

  EXPECT_EQ(bytes_of_draft(ino), "12" + large_.substr(2));
}

}  // namespace
}  // namespace modelfs
