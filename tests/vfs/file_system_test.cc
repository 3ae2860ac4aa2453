// The overlay without a mount: what each request answers.
#include "vfs/file_system.h"

#include <fcntl.h>

#include <map>

#include "support/becomes_true.h"
#include "support/ingest_fixture.h"
#include "support/uncertain_store.h"
#include "vfs/no_kernel.h"

namespace modelfs {
namespace {

class Overlay : public IngestFixture {
 protected:
  void SetUp() override {
    IngestFixture::SetUp();
    make_file_system();
  }
  void make_file_system() {
    FileSystem::Options options;
    options.mount_point = "/m";
    fs_ = std::make_unique<FileSystem>(*registry_, *ingest_, kernel_, standard_layouts(), options);
  }

  // Walks a path as the kernel does, without following symlinks.
  Result<Entry> walk(std::string_view path, const Credentials& who = kRoot) {
    Result<Entry> entry = Status(Code::NotFound, "empty path");
    Ino at = kRootIno;
    while (!path.empty()) {
      const std::size_t slash = std::min(path.find('/'), path.size());
      entry = fs_->lookup(who, at, path.substr(0, slash));
      if (!entry.ok()) return entry;
      at = entry->attributes.ino;
      path.remove_prefix(std::min(slash + 1, path.size()));
    }
    return entry;
  }
  Ino ino_of(std::string_view path) {
    const auto entry = walk(path);
    EXPECT_TRUE(entry.ok()) << path << ": " << entry.status().str();
    return entry.ok() ? entry->attributes.ino : kNoIno;
  }
  Ino mkdir(Ino parent, std::string_view name, const Credentials& who = kRoot) {
    const auto made = fs_->make_directory(who, parent, name, 0755);
    EXPECT_TRUE(made.ok()) << name << ": " << made.status().str();
    return made.ok() ? made->attributes.ino : kNoIno;
  }
  void write(Ino parent, std::string_view name, std::string_view bytes, const Credentials& who = kRoot) {
    const auto created = fs_->create(who, parent, name, 0644, O_WRONLY);
    ASSERT_TRUE(created.ok()) << name << ": " << created.status().str();
    EXPECT_TRUE(fs_->write(kRoot, created->opened.handle, 0, bytes_of(bytes)).ok());
    EXPECT_TRUE(fs_->flush({}, created->opened.handle).ok());
    fs_->release(created->opened.handle);
  }
  std::string read(std::string_view path) {
    const auto opened = fs_->open(kRoot, ino_of(path), O_RDONLY);
    if (!opened.ok()) return opened.status().str();
    std::string bytes(1 << 20, '\0');
    const auto got = fs_->read(opened->handle, 0, ByteSpan(reinterpret_cast<std::byte*>(bytes.data()), bytes.size()));
    fs_->release(opened->handle);
    if (!got.ok()) return got.status().str();
    bytes.resize(*got);
    return bytes;
  }
  std::map<std::string, Ino> list(Ino directory, const Credentials& who = kRoot) {
    std::map<std::string, Ino> names;
    const auto handle = fs_->open_directory(who, directory);
    EXPECT_TRUE(fs_->list(handle->handle, 0,
                          [&](const ListedName& name) {
                            if (name.name != "." && name.name != "..") names.emplace(name.name, name.ino);
                            return true;
                          })
                    .ok());
    fs_->release_directory(handle->handle);
    return names;
  }
  Status move(std::string_view from, std::string_view name, std::string_view to, std::string_view new_name,
              RenameFlag flag = RenameFlag::NoReplace, const Credentials& who = kRoot) {
    return fs_->rename(who, ino_of(from), name, ino_of(to), new_name, flag);
  }
  // `cp -r` into .stage and `mv` onto the version.
  void publish_path(std::string_view version, std::string_view bytes) {
    const Ino draft = mkdir(ino_of("churn/.stage"), "p");
    write(draft, "weights", bytes);
    const Status moved = move("churn/.stage", "p", "churn", version);
    ASSERT_TRUE(moved.ok()) << moved.str();
  }

  NoKernel kernel_;
  std::unique_ptr<FileSystem> fs_;
};

TEST_F(Overlay, PublishesByRenamingADraftOntoAVersion) {
  mkdir(kRootIno, "churn");
  publish_path("1.2.0", "abc");

  EXPECT_EQ(read("churn/1.2.0/weights"), "abc");
  EXPECT_EQ(walk("churn/.stage/p").code(), Code::NotFound);
  EXPECT_EQ(*fs_->read_link(ino_of("churn/latest")), "1.2.0");
  EXPECT_NE(read("churn/latest.json").find("\"version\": \"1.2.0\""), std::string::npos);
  EXPECT_EQ(list(ino_of("churn")).size(), 2u) << "the release and latest";
}

TEST_F(Overlay, ShowsADraftAsPublishedAtOnceWhenItIsKnownThatItsCommitTookPlace) {
  Engine engine = make_memory_engine();
  auto keys = std::make_unique<UncertainStore>(std::move(engine.keys));
  UncertainStore& disk = *keys;
  engine.keys = std::move(keys);
  fs_.reset();
  ingest_.reset();
  registry_.reset();
  open(std::move(engine));
  make_file_system();
  mkdir(kRootIno, "churn");
  const Ino draft = mkdir(ino_of("churn/.stage"), "p");
  write(draft, "weights", "abc");
  disk.go_away_in_next(true);
  ASSERT_EQ(move("churn/.stage", "p", "churn", "1.0").code(), Code::Uncertain);
  const auto version_of = [this](Ino directory) {
    const auto version = fs_->getxattr(kRoot, directory, "user.modelfs.name");
    return version.ok() ? *version : std::string();
  };
  ASSERT_EQ(version_of(draft), "");

  disk.come_back();
  ASSERT_TRUE(registry_->snapshot().ok());  // somebody asks

  EXPECT_TRUE(becomes_true([&] { return version_of(draft) == "1.0"; }));
  registry_->prepare_to_end();
}

TEST_F(Overlay, SaysWhereMakingANameWaitsForASweep) {
  mkdir(kRootIno, "churn");
  publish_path("1.0", "abc");
  ASSERT_TRUE(registry_->garbage().finish_sweeping().ok());
  registry_->prepare_to_end();  // nothing is swept from now on
  publish_path("2.0", "def");

  EXPECT_TRUE(fs_->may_block_create(ino_of("churn/2.0")));
  for (const char* path : {"churn", "churn/.stage", "churn/1.0"})
    EXPECT_FALSE(fs_->may_block_create(ino_of(path))) << path;
  EXPECT_FALSE(fs_->may_block_create(kRootIno));
  EXPECT_FALSE(fs_->may_block_create(Ino{12345}));
}

TEST_F(Overlay, KeepsTheNodesOfADraftThatIsPublished) {
  mkdir(kRootIno, "churn");
  const Ino draft = mkdir(ino_of("churn/.stage"), "p");
  const Ino sub = mkdir(draft, "sub");
  write(sub, "weights", "abc");
  const Ino file = ino_of("churn/.stage/p/sub/weights");
  const auto reader = fs_->open(kRoot, file, O_RDONLY);

  ASSERT_TRUE(move("churn/.stage", "p", "churn", "1.0").ok());

  EXPECT_EQ(ino_of("churn/1.0"), draft);
  EXPECT_EQ(ino_of("churn/1.0/sub/weights"), file);
  EXPECT_EQ(fs_->stat(kRoot, file)->mode, 0444u);
  EXPECT_EQ(fs_->open(kRoot, file, O_WRONLY).code(), Code::Immutable);
  EXPECT_EQ(fs_->create(kRoot, sub, "new", 0644, O_WRONLY).code(), Code::Immutable);
  std::byte byte{};
  EXPECT_EQ(*fs_->read(reader->handle, 0, ByteSpan(&byte, 1)), 1u) << "the open handle goes on";
  fs_->release(reader->handle);
}

TEST_F(Overlay, AnswersTheNumberOfAGenerationThatWasMovedToNext) {
  mkdir(kRootIno, "churn");
  publish_path("1.0", "abc");
  const Ino draft = mkdir(ino_of("churn/.stage"), "g");
  write(draft, "state", "s");

  ASSERT_TRUE(move("churn/.stage", "g", "churn/1.0", "next").ok());

  EXPECT_EQ(*fs_->getxattr(kRoot, draft, "user.modelfs.name"), "1");
  EXPECT_EQ(walk("churn/1.0/next").code(), Code::NotFound);
  EXPECT_EQ(read("churn/1.0/1/state"), "s");
  EXPECT_EQ(*fs_->read_link(ino_of("churn/1.0/latest")), "1");
}

TEST_F(Overlay, RefusesOtherGenerationNumbersWithOutOfRange) {
  mkdir(kRootIno, "churn");
  publish_path("1.0", "abc");
  mkdir(ino_of("churn/.stage"), "g");

  EXPECT_EQ(move("churn/.stage", "g", "churn/1.0", "7").code(), Code::OutOfRange);
  EXPECT_EQ(move("churn/.stage", "g", "churn/1.0", "x").code(), Code::AlreadyExists);
  EXPECT_TRUE(walk("churn/.stage/g").ok());
}

TEST_F(Overlay, NeverAnswersInvalidArgumentToARename) {
  mkdir(kRootIno, "churn");
  mkdir(ino_of("churn/.stage"), "g");

  for (const char* name : {"latest", "next", "a.tar.gz", "bad\x01name", "versions"}) {
    const Status status = move("churn/.stage", "g", "churn", name);
    EXPECT_FALSE(status.ok()) << name;
    EXPECT_NE(status.code(), Code::InvalidArgument) << name;
  }
}

TEST_F(Overlay, CommitsAnInPlaceDraftByAttribute) {
  mkdir(kRootIno, "churn");
  const Ino draft = mkdir(ino_of("churn"), "1.0");
  write(draft, "weights", "abc");
  EXPECT_EQ(fs_->stat(kRoot, draft)->mode, 0700u);

  ASSERT_TRUE(fs_->setxattr(kRoot, draft, "user.modelfs.commit", "1", AttributeMode::Set).ok());

  EXPECT_EQ(fs_->stat(kRoot, draft)->mode, 0755u);
  EXPECT_EQ(read("churn/1.0/weights"), "abc");
  EXPECT_EQ(*fs_->getxattr(kRoot, draft, "user.modelfs.name"), "1.0");
}

TEST_F(Overlay, HidesInPlaceDraftsFromOtherUsersListings) {
  const auto made = fs_->make_directory(kRoot, kRootIno, "open", 0777);
  ASSERT_TRUE(made.ok());
  mkdir(made->attributes.ino, "1.0", kAlice);

  EXPECT_EQ(list(made->attributes.ino, kAlice).count("1.0"), 1u);
  EXPECT_EQ(list(made->attributes.ino, Credentials{1001, 1001, 0, {}}).count("1.0"), 0u);
}

TEST_F(Overlay, MakesAndMovesLabelsAsLnDoes) {
  mkdir(kRootIno, "churn");
  publish_path("1.0", "a");
  publish_path("1.1", "b");
  ASSERT_TRUE(fs_->make_symlink(kRoot, ino_of("churn"), "prod", "1.0").ok());
  const Ino first = ino_of("churn/prod");

  ASSERT_TRUE(fs_->make_symlink(kRoot, ino_of("churn"), "CuAAAAAA", "1.1").ok());
  ASSERT_TRUE(move("churn", "CuAAAAAA", "churn", "prod", RenameFlag::Replace).ok());
  std::vector<std::string> labels;
  ASSERT_TRUE(registry_->snapshot()
                  ->for_each_history(*DomainName::parse("churn"),
                                     [&](const HistoryRecord& record) {
                                       if (!record.label.empty()) labels.push_back(record.label);
                                       return true;
                                     })
                  .ok());
  EXPECT_EQ(labels, (std::vector<std::string>{"prod", "prod"})) << "no temporary name";

  EXPECT_EQ(*fs_->read_link(ino_of("churn/prod")), "1.1");
  EXPECT_NE(ino_of("churn/prod"), first) << "a new node for a new target";
  EXPECT_EQ(fs_->make_symlink(kRoot, ino_of("churn"), "other", "9.9").code(), Code::InvalidArgument);
  EXPECT_NE(fs_->getxattr(kRoot, ino_of("churn"), "user.modelfs.error")->find("9.9"), std::string::npos);
  ASSERT_TRUE(fs_->unlink(kRoot, ino_of("churn"), "prod").ok());
  EXPECT_EQ(walk("churn/prod").code(), Code::NotFound);
}

TEST_F(Overlay, RemovesAReleaseByMovingItToTheTrashAndBack) {
  mkdir(kRootIno, "churn");
  publish_path("1.0", "a");
  const Ino release = ino_of("churn/1.0");

  ASSERT_TRUE(move("churn", "1.0", ".modelfs/trash/churn", "1.0").ok());
  EXPECT_EQ(walk("churn/1.0").code(), Code::NotFound);
  EXPECT_EQ(walk("churn/latest").code(), Code::NotFound);
  EXPECT_EQ(ino_of(".modelfs/trash/churn/1.0"), release) << "the node goes along";
  EXPECT_EQ(read(".modelfs/trash/churn/1.0/weights"), "a");
  ASSERT_TRUE(move(".modelfs/trash/churn", "1.0", "churn", "1.0").ok());
  EXPECT_EQ(read("churn/1.0/weights"), "a");
}

TEST_F(Overlay, RefusesToRemoveAReleaseByRmdirOrPiecemeal) {
  mkdir(kRootIno, "churn");
  publish_path("1.0", "a");

  EXPECT_EQ(fs_->remove_directory(kRoot, ino_of("churn"), "1.0").code(), Code::NotEmpty);
  EXPECT_EQ(fs_->unlink(kRoot, ino_of("churn/1.0"), "weights").code(), Code::Immutable);
}

TEST_F(Overlay, LetsPublishedThingsBeTouchedAndChangesNothing) {
  mkdir(kRootIno, "churn");
  publish_path("1.0", "a");
  const Ino file = ino_of("churn/1.0/weights");
  const auto before = fs_->stat(kRoot, file);
  Change change;
  change.values.mode = 0777;
  change.values.mtime = TimeNs{5};

  EXPECT_TRUE(fs_->setattr(kRoot, file, change).ok());

  EXPECT_EQ(fs_->stat(kRoot, file)->mode, before->mode);
  EXPECT_EQ(fs_->stat(kRoot, file)->mtime, before->mtime);
  change.values.size_bytes = 0;
  EXPECT_EQ(fs_->setattr(kRoot, file, change).code(), Code::Immutable);
}

TEST_F(Overlay, TellsTheKernelWhenADomainsModeChanges) {
  mkdir(kRootIno, "churn");
  publish_path("1.0", "a");
  const Ino file = ino_of("churn/1.0/weights");
  Change change;
  change.values.mode = 0700;

  ASSERT_TRUE(fs_->setattr(kRoot, ino_of("churn"), change).ok());

  EXPECT_EQ(fs_->stat(kRoot, ino_of("churn/1.0"))->mode, 0700u);
  EXPECT_NE(std::find(kernel_.invalidated.begin(), kernel_.invalidated.end(), file), kernel_.invalidated.end());
}

TEST_F(Overlay, ListsEachOldNameOnceWhileReleasesAreCommitted) {
  mkdir(kRootIno, "churn");
  for (int i = 0; i < 20; ++i) publish_path("v" + std::to_string(i), "x");
  std::map<std::string, int> seen;
  const auto handle = fs_->open_directory(kRoot, ino_of("churn"));
  std::uint64_t offset = 0;

  for (int round = 0;; ++round) {  // three names at a time, a commit between
    int count = 0;
    ASSERT_TRUE(fs_->list(handle->handle, offset,
                          [&](const ListedName& name) {
                            ++seen[std::string(name.name)];
                            offset = name.next_offset;
                            return ++count < 3;
                          })
                    .ok());
    if (count == 0) break;
    publish_path("new" + std::to_string(round), "y");
  }

  for (int i = 0; i < 20; ++i) EXPECT_EQ(seen["v" + std::to_string(i)], 1) << i;
}

// The kernel keeps the listings of what never changes; when it has dropped a part of one it asks for the rest.
TEST_F(Overlay, ListsFromAnyPlaceOnAHandleThatWasNotReadFromTheBeginning) {
  mkdir(kRootIno, "churn");
  const Ino draft = mkdir(ino_of("churn/.stage"), "p");
  const Ino inner = mkdir(draft, "part");
  for (const char* name : {"a", "b", "c"}) write(inner, name, name);
  ASSERT_TRUE(move("churn/.stage", "p", "churn", "1.0").ok());
  const auto handle = fs_->open_directory(kRoot, ino_of("churn/1.0/part"));
  std::vector<std::string> names;

  ASSERT_TRUE(fs_->list(handle->handle, 3,
                        [&](const ListedName& name) {
                          names.emplace_back(name.name);
                          return true;
                        })
                  .ok());

  EXPECT_EQ(names, (std::vector<std::string>{"b", "c"}));
  fs_->release_directory(handle->handle);
}

TEST_F(Overlay, KeepsAPackagesOwnNameLatest) {
  mkdir(kRootIno, "churn");
  const Ino draft = mkdir(ino_of("churn/.stage"), "p");
  write(draft, "latest", "mine");
  ASSERT_TRUE(move("churn/.stage", "p", "churn", "1.0").ok());
  const Ino generation = mkdir(ino_of("churn/.stage"), "g");
  write(generation, "state", "s");
  ASSERT_TRUE(move("churn/.stage", "g", "churn/1.0", "next").ok());

  EXPECT_EQ(read("churn/1.0/latest"), "mine");
  EXPECT_EQ(list(ino_of("churn/1.0")).count("latest"), 1u);
}

TEST_F(Overlay, ShowsMetadataByModelId) {
  mkdir(kRootIno, "churn");
  publish_path("1.0", "a");
  const auto names = list(ino_of("churn/versions"));

  ASSERT_EQ(names.size(), 1u);
  EXPECT_EQ(read("churn/versions/" + names.begin()->first), read("churn/1.0.json"));
}

// The kernel looks a name up and then asks to create it; a commit may come between.
TEST_F(Overlay, OpensWhatACommitHasMadeSinceTheKernelLooked) {
  mkdir(kRootIno, "churn");
  publish_path("1.0", "a");

  const auto opened = fs_->create(kRoot, ino_of("churn"), "latest.json", 0644, O_RDONLY | O_CREAT);

  ASSERT_TRUE(opened.ok()) << opened.status().str();
  EXPECT_EQ(opened->entry.attributes.ino, ino_of("churn/latest.json"));
  fs_->release(opened->opened.handle);
  EXPECT_EQ(fs_->create(kRoot, ino_of("churn"), "latest.json", 0644, O_RDONLY | O_CREAT | O_EXCL).code(),
            Code::AlreadyExists);
  EXPECT_EQ(fs_->create(kRoot, ino_of("churn"), "latest.json", 0644, O_WRONLY | O_CREAT).code(), Code::Immutable);
}

TEST_F(Overlay, GivesNamesThatCanBeBoundAnewNoTimeInTheKernelsCache) {
  mkdir(kRootIno, "churn");
  publish_path("1.0", "a");

  const Ino stage = ino_of("churn/.stage");
  mkdir(stage, "model");
  write(ino_of("churn/.stage/model"), "weights", "a");
  mkdir(ino_of("churn"), "2.0");
  mkdir(ino_of("churn/2.0"), "layers");

  for (const char* path : {"churn/latest", "churn/latest.json", "churn/latest.tar.gz", ".modelfs",
                           "churn/.stage/model/weights", "churn/2.0", "churn/2.0/layers"}) {
    EXPECT_EQ(walk(path)->name_valid_seconds, 0) << path;
  }
  for (const char* path : {"churn", "churn/1.0", "churn/1.0/weights", "churn/1.0.json", "churn/1.0.tar.gz",
                           "churn/.stage", "churn/.stage/model"}) {
    EXPECT_GT(walk(path)->name_valid_seconds, 0) << path;
  }
}

TEST_F(Overlay, TellsTheKernelOfDraftDirectoriesThatArePublished) {
  mkdir(kRootIno, "churn");
  const Ino draft = mkdir(ino_of("churn/.stage"), "model");
  const Ino layers = mkdir(draft, "layers");
  EXPECT_GT(walk("churn/.stage/model/layers")->attributes.valid_seconds, 0);

  kernel_.invalidated.clear();
  ASSERT_TRUE(fs_->rename(kRoot, ino_of("churn/.stage"), "model", ino_of("churn"), "1.0", RenameFlag::Replace).ok());

  for (const Ino directory : {draft, layers, ino_of("churn/.stage")}) {
    EXPECT_NE(std::find(kernel_.invalidated.begin(), kernel_.invalidated.end(), directory), kernel_.invalidated.end());
  }
}

TEST_F(Overlay, ADirectoryThatIsMovedOutOfTheStageIsNoLongerBelieved) {
  mkdir(kRootIno, "churn");
  const Ino stage = ino_of("churn/.stage");
  mkdir(stage, "model");
  mkdir(ino_of("churn"), "2.0");

  ASSERT_TRUE(fs_->rename(kRoot, stage, "model", ino_of("churn/2.0"), "layers", RenameFlag::Replace).ok());

  EXPECT_EQ(kernel_.forgotten, std::vector<std::string>{"layers"});
  EXPECT_EQ(walk("churn/2.0/layers")->attributes.valid_seconds, 0);
}

TEST_F(Overlay, RefusesNamesWithAReason) {
  mkdir(kRootIno, "churn");
  EXPECT_EQ(fs_->make_directory(kRoot, kRootIno, "latest", 0755).code(), Code::InvalidArgument);
  EXPECT_EQ(fs_->make_directory(kRoot, kRootIno, "bad\xff", 0755).code(), Code::IllegalName);
  EXPECT_EQ(fs_->make_directory(kRoot, kRootIno, std::string(241, 'a'), 0755).code(), Code::NameTooLong);
  EXPECT_TRUE(fs_->make_directory(kRoot, kRootIno, std::string(240, 'a'), 0755).ok());
  EXPECT_EQ(fs_->make_directory(kRoot, ino_of("churn"), "1.0.tar.gz", 0755).code(), Code::InvalidArgument);
  EXPECT_NE(fs_->getxattr(kRoot, ino_of("churn"), "user.modelfs.error")->find(".tar.gz"), std::string::npos);
}

TEST_F(Overlay, ServesItsStatusAndEvents) {
  mkdir(kRootIno, "churn");
  mkdir(ino_of("churn/.stage"), "left");
  publish_path("1.0", "a");

  EXPECT_NE(read(".modelfs/status.json").find("churn/.stage/left"), std::string::npos);
  EXPECT_NE(read(".modelfs/events").find("\"event\":\"publish\""), std::string::npos);
}

TEST_F(Overlay, ReplacesAnEmptyInPlaceDraftAsRenameDoes) {
  mkdir(kRootIno, "churn");
  mkdir(ino_of("churn"), "1.0");
  const Ino draft = mkdir(ino_of("churn/.stage"), "p");
  write(draft, "weights", "abc");

  EXPECT_EQ(move("churn/.stage", "p", "churn", "1.0", RenameFlag::NoReplace).code(), Code::AlreadyExists);
  EXPECT_TRUE(move("churn/.stage", "p", "churn", "1.0", RenameFlag::Replace).ok());
  EXPECT_EQ(read("churn/1.0/weights"), "abc");
}

}  // namespace
}  // namespace modelfs
