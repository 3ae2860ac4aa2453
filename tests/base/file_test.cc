#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace modelfs {
namespace {

class Files : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "modelfs-file-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
    auto opened = open_at(AT_FDCWD, path_, O_RDONLY | O_DIRECTORY);
    ASSERT_TRUE(opened.ok()) << opened.status().str();
    dir_ = std::move(*opened);
  }
  void TearDown() override { std::filesystem::remove_all(path_); }

  int dir() const { return dir_.fd(); }
  File file_of(std::string_view bytes) {
    auto file = open_at(dir(), "file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    EXPECT_TRUE(file.ok());
    EXPECT_TRUE(write_at(file->fd(), 0, bytes_of(bytes)).ok());
    return std::move(*file);
  }
  std::string contents(const std::string& name) {
    const auto file = open_at(dir(), name, O_RDONLY);
    if (!file.ok()) return file.status().str();
    const auto text = read_all(file->fd(), 1 << 20);
    return text.ok() ? *text : text.status().str();
  }

  std::string path_;
  File dir_;
};

TEST_F(Files, AreReadUpToTheBoundAndNoFurther) {
  // Around the size of one read, too.
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{10}, std::size_t{65535}, std::size_t{65536}, std::size_t{65537}}) {
    const std::string bytes(size, 'x');
    const File file = file_of(bytes);

    const auto whole = read_all(file.fd(), size);
    ASSERT_TRUE(whole.ok()) << size;
    EXPECT_EQ(*whole, bytes);
    if (size > 0) {
      EXPECT_EQ(read_all(file.fd(), size - 1).code(), Code::TooLarge) << size;
    }
  }
}

TEST_F(Files, AreReadShortOnlyAtTheirEnd) {
  const File file = file_of("0123456789");
  std::string into(8, '\0');
  const ByteSpan span(reinterpret_cast<std::byte*>(into.data()), into.size());

  EXPECT_EQ(*read_at(file.fd(), 1, span), 8u);
  EXPECT_EQ(into, "12345678");
  EXPECT_EQ(*read_at(file.fd(), 7, span), 3u);
  EXPECT_EQ(*read_at(file.fd(), 10, span), 0u);
}

TEST_F(Files, WrittenBehindTheirEndHaveAHole) {
  const File file = file_of("a");

  ASSERT_TRUE(write_at(file.fd(), 3, bytes_of("b")).ok());

  EXPECT_EQ(*read_all(file.fd(), 10), std::string("a\0\0b", 4));
}

TEST_F(Files, AreReplacedWhole) {
  ASSERT_TRUE(replace_file(dir(), "FORMAT", "old and long").ok());
  ASSERT_TRUE(replace_file(dir(), "FORMAT", "new").ok());

  EXPECT_EQ(contents("FORMAT"), "new");
  EXPECT_FALSE(std::filesystem::exists(path_ + "/FORMAT.tmp"));
}

TEST_F(Files, ReplacedWhileSomebodyReadsKeepTheOldBytesForThem) {
  ASSERT_TRUE(replace_file(dir(), "FORMAT", "old").ok());
  const auto reader = open_at(dir(), "FORMAT", O_RDONLY);
  ASSERT_TRUE(reader.ok());

  ASSERT_TRUE(replace_file(dir(), "FORMAT", "new").ok());

  EXPECT_EQ(*read_all(reader->fd(), 10), "old");
}

TEST_F(Files, ReplacedAfterACrashedReplacementAreGood) {
  (void)open_at(dir(), "FORMAT.tmp", O_WRONLY | O_CREAT, 0600);

  EXPECT_TRUE(replace_file(dir(), "FORMAT", "new").ok());
  EXPECT_EQ(contents("FORMAT"), "new");
}

TEST_F(Files, AreNotOpenedThroughASymlink) {
  (void)file_of("secret");
  ASSERT_EQ(symlinkat("file", dir(), "link"), 0);

  const auto file = open_at(dir(), "link", O_RDONLY);

  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.status().host_errno(), ELOOP);
}

TEST_F(Files, ThatAreMissingSaySoWithTheHostsErrno) {
  const auto file = open_at(dir(), "missing", O_RDONLY);

  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.code(), Code::NotFound);
  EXPECT_EQ(file.status().host_errno(), ENOENT);
  EXPECT_TRUE(file.status().message().starts_with("open missing: "));
}

TEST_F(Files, CloseOnce) {
  File file = file_of("a");
  const int fd = file.fd();
  File other = std::move(file);

  EXPECT_FALSE(file.valid());  // a moved File is none
  EXPECT_EQ(other.fd(), fd);
  other.reset();
  EXPECT_EQ(fcntl(fd, F_GETFD), -1);
}

}  // namespace
}  // namespace modelfs
