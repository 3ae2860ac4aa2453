// mount/SEMANTICS.md, "Damage".
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "mount/mounted.h"

namespace modelfs {
namespace {

class Damage : public Mounted {
 protected:
  static std::string bytes() { return pattern(300'000, 77); }

  // Writes into the blob's file as a disk would, beneath the daemon.
  static void damage_blob() {
    int damaged = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(mount().store() + "/blobs")) {
      if (!entry.is_regular_file() || entry.file_size() != bytes().size()) continue;
      const std::string path = entry.path();
      ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
      const File file = open_file(path, O_RDWR);
      ASSERT_EQ(::pwrite(file.fd(), "damage", 6, 100'000), 6);
      ASSERT_EQ(::chmod(path.c_str(), 0400), 0);
      ++damaged;
    }
    ASSERT_EQ(damaged, 1);
  }
};

TEST_F(Damage, EndsForEverybodyWhenTheRightBytesArePublished) {
  publish("1.0", {{"weights", bytes()}});
  damage_blob();
  const File open = open_file(at("1.0/weights"), O_RDONLY);
  ASSERT_TRUE(read_file(at("1.0/weights")) != bytes()) << "the kernel has the damaged pages now";

  publish("2.0", {{"weights", bytes()}});

  EXPECT_TRUE(read_file(at("2.0/weights")) == bytes());
  EXPECT_TRUE(read_file(at("1.0/weights")) == bytes());
  std::string again(bytes().size(), '\0');
  ASSERT_EQ(::pread(open.fd(), again.data(), again.size(), 0), static_cast<ssize_t>(again.size()));
  EXPECT_TRUE(again == bytes()) << "who has had it open since before";
}

}  // namespace
}  // namespace modelfs
