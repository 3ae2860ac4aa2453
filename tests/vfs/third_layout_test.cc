// A layout that the file system has never heard of: one folder and one line bring it in.
#include <fcntl.h>

#include <algorithm>

#include "layout/layouts.h"
#include "layout/modelstore/modelstore_layout.h"
#include "layout/native/native_layout.h"
#include "support/flat_layout.h"
#include "support/ingest_fixture.h"
#include "vfs/file_system.h"
#include "vfs/no_kernel.h"

namespace modelfs {
namespace {

Layouts layouts_with_a_third() {
  std::vector<std::unique_ptr<const Layout>> layouts;
  layouts.push_back(std::make_unique<NativeLayout>());
  layouts.push_back(std::make_unique<ModelstoreLayout>(LayoutId{1}));
  layouts.push_back(std::make_unique<FlatLayout>(LayoutId{2}));
  return Layouts(std::move(layouts));
}

class ThirdLayout : public IngestFixture {
 protected:
  void SetUp() override {
    IngestFixture::SetUp();
    fs_ = std::make_unique<FileSystem>(*registry_, *ingest_, kernel_, layouts_with_a_third(),
                                       FileSystem::Options{.mount_point = "/m", .store_path = "/s"});
    ASSERT_TRUE(publish_bytes(make_domain("churn"), "churn/1", "one").ok());
    const auto root = fs_->lookup(kRoot, kRootIno, ".flat");
    ASSERT_TRUE(root.ok()) << root.status().message();
    flat_ = root->key();
  }

  std::vector<std::string> list(Ino directory) {
    const auto opened = fs_->open_directory(kRoot, directory);
    EXPECT_TRUE(opened.ok());
    std::vector<std::string> names;
    EXPECT_TRUE(fs_->list(opened->handle, 0,
                          [&](const ListedName& each) {
                            names.emplace_back(each.name);
                            return true;
                          })
                    .ok());
    fs_->release_directory(opened->handle);
    return names;
  }

  NoKernel kernel_;
  std::unique_ptr<FileSystem> fs_;
  Ino flat_ = kNoIno;
};

TEST_F(ThirdLayout, ShowsTheReleasedFileItself) {
  const auto flat = fs_->lookup(kRoot, flat_, "churn-1-weights");
  ASSERT_TRUE(flat.ok()) << flat.status().message();
  const auto domain = fs_->lookup(kRoot, kRootIno, "churn");
  const auto release = fs_->lookup(kRoot, domain->key(), "1");
  const auto native = fs_->lookup(kRoot, release->key(), "weights");
  ASSERT_TRUE(native.ok());

  EXPECT_EQ(flat->attributes.ino, native->attributes.ino);
  EXPECT_EQ(flat->attributes.size_bytes, 3u);

  const auto opened = fs_->open(kRoot, flat->key(), O_RDONLY);
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  std::array<std::byte, 8> bytes{};
  const auto got = fs_->read(opened->handle, 0, bytes);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(text_of(ByteView(bytes).first(*got)), "one");
  fs_->release(opened->handle);
}

TEST_F(ThirdLayout, ListsWhatItHoldsAndIsNotListedItself) {
  EXPECT_EQ(list(flat_), (std::vector<std::string>{".", "..", "churn-1-weights"}));

  const auto top = list(kRootIno);
  EXPECT_EQ(std::count(top.begin(), top.end(), ".flat"), 0);
}

TEST_F(ThirdLayout, ShowsAReleaseOnceItIsPublished) {
  EXPECT_EQ(fs_->lookup(kRoot, flat_, "churn-2-weights").code(), Code::NotFound);
  ASSERT_TRUE(publish_bytes(*DomainName::parse("churn"), "churn/2", "two").ok());
  EXPECT_TRUE(fs_->lookup(kRoot, flat_, "churn-2-weights").ok());
}

TEST_F(ThirdLayout, RefusesEveryChangeAsReadOnly) {
  EXPECT_EQ(fs_->make_directory(kRoot, flat_, "x", 0755).code(), Code::Immutable);
  EXPECT_EQ(fs_->make_symlink(kRoot, flat_, "x", "y").code(), Code::Immutable);
  EXPECT_EQ(fs_->create(kRoot, flat_, "x.tar.gz", 0644, O_WRONLY | O_CREAT).code(), Code::Immutable);
  EXPECT_EQ(fs_->unlink(kRoot, flat_, "churn-1-weights").code(), Code::Immutable);
  EXPECT_EQ(fs_->rename(kRoot, flat_, "churn-1-weights", flat_, "x", RenameFlag::Replace).code(), Code::Immutable);
  const auto file = fs_->lookup(kRoot, flat_, "churn-1-weights");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(fs_->open(kRoot, file->key(), O_WRONLY).code(), Code::Immutable);
  const auto domain = fs_->lookup(kRoot, kRootIno, "churn");
  ASSERT_TRUE(domain.ok());
  EXPECT_EQ(fs_->link(kRoot, file->key(), flat_, "y").code(), Code::NotPermitted);
}

TEST_F(ThirdLayout, NothingMovesIntoIt) {
  const Ino stage_ino = stage(*DomainName::parse("churn"));
  const auto domain = fs_->lookup(kRoot, kRootIno, "churn");
  ASSERT_TRUE(domain.ok());
  ASSERT_TRUE(fs_->lookup(kRoot, domain->key(), ".stage").ok());
  write_file(stage_ino, "x", "bytes");

  EXPECT_EQ(fs_->rename(kRoot, stage_ino, "x", flat_, "x", RenameFlag::Replace).code(), Code::Immutable);
  EXPECT_TRUE(registry_->drafts().tree().lookup(stage_ino, "x").ok());
}

}  // namespace
}  // namespace modelfs
