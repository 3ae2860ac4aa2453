// How often the catalog is asked for what the kernel asks.
#include <fcntl.h>

#include <set>
#include <thread>
#include <vector>

#include "support/counting_store.h"
#include "support/ingest_fixture.h"
#include "vfs/file_system.h"
#include "vfs/no_kernel.h"

namespace modelfs {
namespace {

// What the test's own thread has asked for since the last look. Others (the sweep of what was published) ask, too.
struct Reads {
  std::vector<std::string> keys;
  int scans = 0;
};
const std::thread::id kTestThread = std::this_thread::get_id();
bool is_counted() { return std::this_thread::get_id() == kTestThread; }

// What the registry's store needs until its end.
struct Observed {
  Reads reads_;
  const ReadObserver observer_{[this](std::string_view key) {
                                 if (is_counted()) reads_.keys.emplace_back(key);
                               },
                               [this] {
                                 if (is_counted()) ++reads_.scans;
                               }};
};

class CatalogReads : protected Observed, public IngestFixture {
 protected:
  void SetUp() override {
    Engine engine = make_memory_engine();
    engine.keys = std::make_unique<CountingStore>(std::move(engine.keys), observer_);
    open(std::move(engine));
    const auto domain = make_domain();
    const Ino draft = make_directory(stage(domain), "x");
    write_file(make_directory(draft, "sub"), "weights", "abc");
    ASSERT_TRUE(publish(draft, stage(domain), "x", "churn/1.0").ok());
    // What is cached of it was the last one's.
    fs_ = std::make_unique<FileSystem>(*registry_, *ingest_, kernel_, standard_layouts(),
                                       FileSystem::Options{.mount_point = "/m", .store_path = "/s"});
  }

  // Looks up one name, which must read `most` keys at most, none twice, and scan nothing.
  Ino look_up(Ino parent, std::string_view name, std::size_t most) {
    reads_ = {};
    const auto entry = fs_->lookup(kRoot, parent, name);
    const std::set<std::string> keys(reads_.keys.begin(), reads_.keys.end());
    EXPECT_EQ(keys.size(), reads_.keys.size()) << name << " reads a key twice";
    EXPECT_LE(keys.size(), most) << name;
    EXPECT_EQ(reads_.scans, 0) << name;
    return entry.ok() ? entry->attributes.ino : kNoIno;
  }

  NoKernel kernel_;
  std::unique_ptr<FileSystem> fs_;
};

TEST_F(CatalogReads, APathThatNobodyHasAskedForReadsEachKeyOnceForAName) {
  const Ino domain = look_up(kRootIno, "churn", 2);   // its head, and when names in it changed
  const Ino release = look_up(domain, "1.0", 4);      // the head, whose the release is; its record, manifest and names
  const Ino directory = look_up(release, "sub", 2);   // the head and the record
  const Ino file = look_up(directory, "weights", 2);  // the same

  reads_ = {};
  const auto opened = fs_->open(kRoot, file, O_RDONLY);
  ASSERT_TRUE(opened.ok());
  EXPECT_TRUE(reads_.keys.empty());
  fs_->release(opened->handle);
}

TEST_F(CatalogReads, ANameThatIsNotThereReadsWhatItCouldBeAndWhetherSomethingWasPublishedMeanwhile) {
  const Ino domain = look_up(kRootIno, "churn", 2);
  reads_ = {};
  EXPECT_EQ(fs_->lookup(kRoot, domain, "2.0").code(), Code::NotFound);
  EXPECT_LE(reads_.keys.size(), 5u);  // the head, a release, a label, a draft; the head once more
  EXPECT_EQ(reads_.scans, 0);
}

// The path of a file that modelstore's client has uploaded; what is placed is found by the path of its directory.
TEST_F(CatalogReads, APlaceInAClientsLayoutTakesOneReadMoreThanItsReleaseAlone) {
  const DomainName churn = *DomainName::parse("churn");
  const auto head = *registry_->snapshot()->domain(churn);
  const Ino upload = make_directory(make_directory(head.modelstore(), "stamp"), "m1");
  write_file(upload, "model.onnx", "bytes");
  const Ino text = write_file(head.uploads(), "m1.json",
                              R"({"model": {"domain": "churn", "model_id": "m1"}, )"
                              R"("storage": {"path": "/m/operatorai-model-store/churn/stamp/m1/model.onnx"}})");
  const auto published = ingest_->models.publish({text, head.uploads(), "m1.json", churn, *VersionName::parse("m1"),
                                                  head.modelstore(), "operatorai-model-store/churn", kRoot, nullptr});
  ASSERT_TRUE(published.ok()) << published.status().message();
  ASSERT_TRUE(registry_->model_states().use_modelstore().ok());

  const Ino layout = look_up(kRootIno, "operatorai-model-store", 2);
  const Ino domain = look_up(layout, "churn", 3);
  const Ino stamp = look_up(domain, "stamp", 3);         // no model of that name; its entry and its inode
  const Ino directory = look_up(stamp, "m1", 3);         // nothing placed there; the same
  const Ino file = look_up(directory, "model.onnx", 4);  // the placement, its release and manifest, the head

  EXPECT_NE(file, kNoIno);
}

}  // namespace
}  // namespace modelfs
