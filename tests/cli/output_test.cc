#include "cli/output.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/progress.h"

namespace modelfs {
namespace {

struct Size {
  std::uint64_t bytes;
  const char* text;
};
class HumanSize : public testing::TestWithParam<Size> {};

TEST_P(HumanSize, ReadsAsLsDoes) { EXPECT_EQ(human_size(GetParam().bytes), GetParam().text); }

INSTANTIATE_TEST_SUITE_P(, HumanSize,
                         testing::Values(Size{0, "0"}, Size{1, "1"}, Size{1023, "1023"}, Size{1024, "1.0K"},
                                         Size{1025, "1.1K"}, Size{10239, "10K"}, Size{10240, "10K"}, Size{10241, "11K"},
                                         Size{1023 * 1024, "1023K"}, Size{1024 * 1024 - 1, "1.0M"},
                                         Size{1024 * 1024, "1.0M"}, Size{1024 * 1024 + 1, "1.1M"},
                                         Size{4113088, "4.0M"}, Size{3ull << 30, "3.0G"}, Size{UINT64_MAX, "16E"}));

TEST(HumanAge, NamesOneUnit) {
  EXPECT_EQ(human_age(-5), "0 s");
  EXPECT_EQ(human_age(119), "119 s");
  EXPECT_EQ(human_age(120), "2 min");
  EXPECT_EQ(human_age(7200), "2 h");
  EXPECT_EQ(human_age(172800), "2 d");
}

TEST(Times, AreCutToSecondsAndReadBack) {
  EXPECT_EQ(short_time("2026-11-21T22:00:01.123456789Z"), "2026-11-21 22:00:01");
  EXPECT_EQ(parse_time("1970-01-02T00:00:01.5Z"), 86401);
  EXPECT_EQ(parse_time("never"), 0);
}

TEST(Digests, AreCutToTwelveDigits) {
  EXPECT_EQ(short_digest("sha256:0123456789abcdef"), "0123456789ab");
  EXPECT_EQ(short_digest(""), "");
}

TEST(Tables, AlignTheirColumnsAndEndLinesWithoutBlanks) {
  Table table({{"NAME"}, {"SIZE", Table::Align::Right}, {"NOTE"}});
  table.add({"a", "1", ""});
  table.add({"längeres", "1024", "x"});

  EXPECT_EQ(table.text(), "NAME      SIZE  NOTE\na            1\nlängeres  1024  x\n");
}

TEST(Tables, WithoutRowsSayNothing) { EXPECT_EQ(Table({{"NAME"}}).text(), ""); }

TEST(Tables, EscapeWhatWouldMoveTheCursor) {
  Table table({{"N"}});
  table.add({"\x1b[2Jit's\n"});

  EXPECT_EQ(table.text(), "N\n\\x1b[2Jit's\\x0a\n");
}

TEST(Escapes, AreForTerminalsThatTakeThem) {
  const File keyboard(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_EQ(::grantpt(keyboard.fd()), 0);
  ASSERT_EQ(::unlockpt(keyboard.fd()), 0);
  const File terminal(::open(::ptsname(keyboard.fd()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  const File file(::open("/dev/null", O_RDWR | O_CLOEXEC));
  ::unsetenv("NO_COLOR");

  ::setenv("TERM", "xterm", 1);
  EXPECT_TRUE(takes_escapes(terminal.fd()));
  EXPECT_FALSE(takes_escapes(file.fd()));
  ::setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(takes_escapes(terminal.fd()));
  ::setenv("NO_COLOR", "", 1);
  EXPECT_TRUE(takes_escapes(terminal.fd()));
  ::setenv("TERM", "dumb", 1);
  EXPECT_FALSE(takes_escapes(terminal.fd()));
  ::unsetenv("TERM");
  EXPECT_FALSE(takes_escapes(terminal.fd()));
  ::unsetenv("NO_COLOR");
}

TEST(ProgressLine, SaysShareSizeAndRate) {
  EXPECT_EQ(progress_line("put", 512, 1024, 0.1), "put  50%  512 of 1.0K");
  EXPECT_EQ(progress_line("put", 2048, 0, 2), "put  2.0K  1.0K/s");
}

}  // namespace
}  // namespace modelfs
