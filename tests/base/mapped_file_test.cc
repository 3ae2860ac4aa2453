#include "base/mapped_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "base/file.h"
#include "support/temporary_directory.h"

namespace modelfs {
namespace {

class MappedFiles : public testing::Test {
 protected:
  // A file of `count` pieces of kBytesMin, each of its own letter, and one byte more.
  File make(std::size_t count) {
    auto file = open_at(directory_.fd(), "file", O_RDWR | O_CREAT);
    EXPECT_TRUE(file.ok());
    for (std::size_t i = 0; i < count; ++i) bytes_.append(MappedFile::kBytesMin, static_cast<char>('a' + i % 26));
    bytes_ += '.';
    EXPECT_TRUE(write_at(file->fd(), 0, bytes_of(bytes_)).ok());
    return std::move(*file);
  }

  TemporaryDirectory directory_;
  std::string bytes_;
};

TEST_F(MappedFiles, AreTheirBytes) {
  const File file = make(3);
  const MappedFile mapped(file.fd(), bytes_.size());

  for (const std::size_t from : {std::size_t{0}, std::size_t{1}, MappedFile::kBytesMin, MappedFile::kBytesMin + 4097}) {
    const auto found = mapped.find(from, bytes_.size() - from);
    ASSERT_TRUE(found) << from;
    EXPECT_EQ(text_of(found->bytes), bytes_.substr(from)) << from;
  }
}

TEST_F(MappedFiles, StayWhileTheyAreLookedAt) {
  // More windows than are kept.
  const std::size_t pieces = 4 * MappedFile::kWindowBytes / MappedFile::kBytesMin;
  const File file = make(pieces);
  std::optional<MappedFile> mapped(std::in_place, file.fd(), bytes_.size());
  std::vector<MappedFile::Range> ranges;
  for (std::size_t i = 0; i < pieces; i += 100) {
    auto found = mapped->find(i * MappedFile::kBytesMin, MappedFile::kBytesMin);
    ASSERT_TRUE(found);
    ranges.push_back(std::move(*found));
  }
  mapped.reset();

  for (std::size_t i = 0; i < ranges.size(); ++i) {
    EXPECT_EQ(text_of(ranges[i].bytes), bytes_.substr(i * 100 * MappedFile::kBytesMin, MappedFile::kBytesMin));
  }
}

TEST_F(MappedFiles, AreReadInsteadWhereThatIsNotWorthIt) {
  const File file = make(2);
  const MappedFile mapped(file.fd(), bytes_.size());

  EXPECT_FALSE(mapped.find(0, MappedFile::kBytesMin - 1));
  EXPECT_FALSE(mapped.find(MappedFile::kBytesMin + 2, MappedFile::kBytesMin)) << "it ends before";
  EXPECT_FALSE(mapped.find(~std::uint64_t{0}, MappedFile::kBytesMin));
}

TEST_F(MappedFiles, AreReadInsteadWhereTheDiskHasNotWhatItShould) {
  const File file = make(4);
  const MappedFile mapped(file.fd(), bytes_.size());
  ASSERT_TRUE(mapped.find(0, bytes_.size()));

  ASSERT_EQ(::ftruncate(file.fd(), MappedFile::kBytesMin), 0);

  EXPECT_TRUE(mapped.find(0, MappedFile::kBytesMin));
  EXPECT_FALSE(mapped.find(0, bytes_.size())) << "and nobody dies of it";
  EXPECT_FALSE(mapped.find(2 * MappedFile::kBytesMin, MappedFile::kBytesMin));
}

}  // namespace
}  // namespace modelfs
