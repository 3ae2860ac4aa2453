#include "archive/recipe/gnu_deflate.h"

#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "archive/archive_programs.h"
#include "archive/synthetic_sample.h"
#include "support/temporary_directory.h"

namespace modelfs {
namespace {

std::string deflated(std::string_view bytes, int level, std::size_t cut) {
  GnuDeflate deflate(level);
  std::string made;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(cut, bytes.size()))) {
    deflate.add(bytes_of(bytes.substr(0, cut)));
    made += deflate.take();
  }
  deflate.finish();
  return made + deflate.take();
}

// What gzip makes, without its header of 10 bytes and its trailer of 8.
std::string gzipped(const std::string& bytes, int level) {
  const TemporaryDirectory directory;
  const std::string plain = directory.path() + "/plain";
  const std::string packed = directory.path() + "/packed";
  std::ofstream(plain, std::ios::binary) << bytes;
  const ProgramOutcome outcome =
      run_program("gzip -n -" + std::to_string(level) + " <'" + plain + "' >'" + packed + "'");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  std::ifstream file(packed, std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(file), {}};
  return whole.substr(10, whole.size() - 18);
}

// Pieces that compress in different ways, one after another: noise, runs, copies from near and far, few letters.
std::string mixed(std::size_t size_bytes, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string bytes;
  while (bytes.size() < size_bytes) {
    const std::size_t count = random() % (random() % 4 == 0 ? 20'000 : 300) + 1;
    switch (random() % 4) {
      case 0: bytes += noise(count, random()); break;
      case 1: bytes.append(count, static_cast<char>(random())); break;
      case 2:
        for (std::size_t i = 0; i < count; ++i) bytes += static_cast<char>('a' + random() % (1 + random() % 9));
        break;
      default:
        if (!bytes.empty()) bytes += bytes.substr(random() % bytes.size(), count);
    }
  }
  bytes.resize(size_bytes);
  return bytes;
}

bool is_gnu_gzip() { return run_program("gzip --version").output.starts_with("gzip 1."); }

class GnuDeflateLevel : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    if (!is_gnu_gzip()) GTEST_SKIP() << "GNU gzip is not installed";
  }
  static void expect_same(const std::string& bytes) {
    EXPECT_TRUE(deflated(bytes, GetParam(), 100'000) == gzipped(bytes, GetParam())) << bytes.size() << " bytes";
  }
};
INSTANTIATE_TEST_SUITE_P(, GnuDeflateLevel, testing::Range(1, 10));

TEST_P(GnuDeflateLevel, MakesWhatGzipMakesOfShortData) {
  for (const std::string bytes : {"", "a", "ab", "abc", "aaaa", "abcabcabc", "hello hello hello hello"}) {
    expect_same(bytes);
  }
}

TEST_P(GnuDeflateLevel, MakesWhatGzipMakesAroundTheSizesOfItsWindow) {
  for (const std::size_t size : {32'505, 32'768, 65'273, 65'274, 65'275, 65'400, 65'535, 65'536, 65'537, 98'100, 98'200,
                                 98'300, 98'304, 131'000}) {
    expect_same(mixed(size, size));
    expect_same(noise(size));
    expect_same(std::string(size, 'x'));
  }
}

TEST_P(GnuDeflateLevel, MakesWhatGzipMakesOfAnything) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);

  for (int round = 0; round < 10; ++round) expect_same(mixed(random() % 1'000'000, random()));
}

TEST_P(GnuDeflateLevel, DoesNotDependOnHowTheBytesAreCut) {
  const std::string bytes = mixed(300'000, 1);
  const std::string whole = deflated(bytes, GetParam(), bytes.size());

  for (const std::size_t cut : {1, 512, 65'536, 65'537}) {
    EXPECT_TRUE(deflated(bytes, GetParam(), cut) == whole) << cut;
  }
}

}  // namespace
}  // namespace modelfs
