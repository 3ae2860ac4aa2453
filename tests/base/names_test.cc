#include "base/names.h"

#include <gtest/gtest.h>

#include <regex>

namespace modelfs {
namespace {

using std::string_literals::operator""s;

class Utf8 : public testing::TestWithParam<std::string> {};
TEST_P(Utf8, IsText) { EXPECT_TRUE(is_utf8(GetParam())); }
INSTANTIATE_TEST_SUITE_P(, Utf8,
                         testing::Values("", "model", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                                         "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
                                         "a\0b"s));

class NotUtf8 : public testing::TestWithParam<std::string> {};
TEST_P(NotUtf8, IsRefused) {
  EXPECT_FALSE(is_utf8(GetParam()));
  EXPECT_FALSE(is_utf8("a" + GetParam() + "b"));
  EXPECT_EQ(check_file_name("a" + GetParam()).code(), Code::IllegalName);
}
INSTANTIATE_TEST_SUITE_P(, NotUtf8,
                         testing::Values("\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xe0\x9f\xbf", "\xe2\x82",
                                         "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf0\x9f\x98",
                                         "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xfe", "\xff"));

struct NameCase {
  std::string name;
  Code code;
};

class FileNames : public testing::TestWithParam<NameCase> {};
TEST_P(FileNames, FollowTheRules) { EXPECT_EQ(check_file_name(GetParam().name).code(), GetParam().code); }
INSTANTIATE_TEST_SUITE_P(, FileNames,
                         testing::Values(NameCase{"a", Code::Ok}, NameCase{".hidden", Code::Ok},
                                         NameCase{"latest", Code::Ok}, NameCase{"model.tar.gz", Code::Ok},
                                         NameCase{"line\nfeed", Code::Ok}, NameCase{"...", Code::Ok},
                                         NameCase{std::string(255, 'a'), Code::Ok},
                                         NameCase{std::string(256, 'a'), Code::NameTooLong},
                                         NameCase{"", Code::InvalidArgument}, NameCase{".", Code::InvalidArgument},
                                         NameCase{"..", Code::InvalidArgument}, NameCase{"a/b", Code::InvalidArgument},
                                         NameCase{"a\0b"s, Code::InvalidArgument}));

class Names : public testing::TestWithParam<NameCase> {};
TEST_P(Names, OfDomainsVersionsAndLabelsFollowTheRules) {
  EXPECT_EQ(check_name(GetParam().name).code(), GetParam().code) << GetParam().name;
  EXPECT_EQ(DomainName::parse(GetParam().name).ok(), GetParam().code == Code::Ok);
}
INSTANTIATE_TEST_SUITE_P(Allowed, Names,
                         testing::Values(NameCase{"churn", Code::Ok}, NameCase{"1.2.0", Code::Ok},
                                         NameCase{"UPPER Case ü", Code::Ok}, NameCase{"a.jsonl", Code::Ok},
                                         NameCase{"Latest", Code::Ok}, NameCase{"latest2", Code::Ok},
                                         NameCase{"tar", Code::Ok}, NameCase{"a.zst", Code::Ok},
                                         NameCase{"\xc2\xa0", Code::Ok}, NameCase{std::string(240, 'a'), Code::Ok}));
INSTANTIATE_TEST_SUITE_P(
    Refused, Names,
    testing::Values(NameCase{std::string(241, 'a'), Code::NameTooLong},
                    NameCase{std::string(256, 'a'), Code::NameTooLong}, NameCase{"", Code::InvalidArgument},
                    NameCase{".stage", Code::InvalidArgument}, NameCase{"a\x1f", Code::InvalidArgument},
                    NameCase{"a\x7f", Code::InvalidArgument}, NameCase{"\xc2\x80", Code::InvalidArgument},
                    NameCase{"a\xc2\x9f", Code::InvalidArgument}, NameCase{"a\xff", Code::IllegalName}));
INSTANTIATE_TEST_SUITE_P(
    Reserved, Names,
    testing::Values(NameCase{"latest", Code::InvalidArgument}, NameCase{"next", Code::InvalidArgument},
                    NameCase{"versions", Code::InvalidArgument}, NameCase{"domains", Code::InvalidArgument},
                    NameCase{"model_states", Code::InvalidArgument}, NameCase{"modelstore", Code::InvalidArgument},
                    NameCase{"operatorai-model-store", Code::InvalidArgument}));
INSTANTIATE_TEST_SUITE_P(
    OfFaces, Names,
    testing::Values(NameCase{"1.json", Code::InvalidArgument}, NameCase{"1.tar", Code::InvalidArgument},
                    NameCase{"1.tar.gz", Code::InvalidArgument}, NameCase{"1.tgz", Code::InvalidArgument},
                    NameCase{"1.tar.zst", Code::InvalidArgument}, NameCase{"1.zip", Code::InvalidArgument},
                    NameCase{"1.4ml", Code::InvalidArgument}));

TEST(FaceSuffix, IsTheLongestThatFits) {
  EXPECT_EQ(face_suffix("1.2.0.tar.gz"), ".tar.gz");
  EXPECT_EQ(face_suffix("1.2.0.json"), ".json");
  EXPECT_EQ(face_suffix(".tar"), ".tar");
  EXPECT_EQ(face_suffix("1.2.0.gz"), "");
  EXPECT_EQ(face_suffix("1.2.0"), "");
}

TEST(RefusalOfAName, SaysTheRuleAndIsPrintable) {
  EXPECT_EQ(check_name("a\n").message(), "'a\\x0a' cannot be a name here: it contains a control character");
  EXPECT_EQ(check_name("latest").message(), "'latest' cannot be a name here: the name is reserved");
}

TEST(GenerationName, ReadsTheLargestThatTensorFlowServes) {
  EXPECT_EQ(*parse_generation("1"), Generation{1});
  EXPECT_EQ(*parse_generation("10"), Generation{10});
  EXPECT_EQ(*parse_generation("9223372036854775807"), Generation{9223372036854775807u});
}

class NotAGenerationName : public testing::TestWithParam<const char*> {};
TEST_P(NotAGenerationName, IsRefused) { EXPECT_EQ(parse_generation(GetParam()).code(), Code::InvalidArgument); }
INSTANTIATE_TEST_SUITE_P(, NotAGenerationName,
                         testing::Values("", "0", "07", "+7", "-1", "7 ", " 7", "7.", "7.0", "latest", "1x",
                                         "9223372036854775808", "18446744073709551616"));

TEST(ModelId, IsARandomUuid4) {
  const std::regex shape("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");

  const std::string one = make_model_id();
  const std::string other = make_model_id();

  EXPECT_TRUE(std::regex_match(one, shape)) << one;
  EXPECT_NE(one, other);
}

TEST(Printable, EscapesWhatATerminalOrAQuoteWouldTakeAmiss) {
  EXPECT_EQ(printable("modèle-1.0"), "modèle-1.0");
  EXPECT_EQ(printable("a\x1b[31m"), "a\\x1b[31m");
  EXPECT_EQ(printable("it's"), "it\\x27s");
  EXPECT_EQ(printable("a\\b"), "a\\x5cb");
  EXPECT_EQ(printable("\xff\xc2\x85"), "\\xff\\xc2\\x85");
  EXPECT_EQ(printable("a\0b"s), "a\\x00b");
}

}  // namespace
}  // namespace modelfs
