#include "os/program_output.h"

#include <gtest/gtest.h>

namespace modelfs {
namespace {

using namespace std::chrono_literals;

Result<std::string> ask(std::vector<std::string> arguments, std::chrono::milliseconds patience = 10s) {
  ProgramQuestion question;
  question.arguments = std::move(arguments);
  question.deadline = std::chrono::steady_clock::now() + patience;
  return ask_program(question);
}

TEST(ProgramThatIsAsked, IsHeardOnStdoutOnly) {
  const auto output = ask({"sh", "-c", "echo answer; echo secret >&2"});

  ASSERT_TRUE(output.ok());
  EXPECT_EQ(*output, "answer\n");
}

TEST(ProgramThatIsAsked, HasNoInput) {
  const auto output = ask({"cat"});

  ASSERT_TRUE(output.ok());
  EXPECT_EQ(*output, "");
}

TEST(ProgramThatIsAsked, MustExist) { EXPECT_EQ(ask({"modelfs-no-such-program"}).code(), Code::NotFound); }

TEST(ProgramThatIsAsked, MustEndWell) { EXPECT_EQ(ask({"false"}).code(), Code::IoError); }

TEST(ProgramThatIsAsked, IsKilledWithItsChildrenWhenItTakesTooLong) {
  const auto start = std::chrono::steady_clock::now();

  EXPECT_EQ(ask({"sh", "-c", "sleep 60; echo late"}, 50ms).code(), Code::Unavailable);

  EXPECT_LT(std::chrono::steady_clock::now() - start, 20s);
}

TEST(ProgramThatIsAsked, MayNotWriteWithoutEnd) { EXPECT_EQ(ask({"yes"}).code(), Code::TooLarge); }

TEST(ProgramThatIsAsked, HasTheHomeThatIsNamed) {
  ProgramQuestion question;
  question.arguments = {"sh", "-c", "printf %s \"$HOME\""};
  question.home = "/somewhere";
  question.deadline = std::chrono::steady_clock::now() + 10s;

  const auto output = ask_program(question);

  ASSERT_TRUE(output.ok());
  EXPECT_EQ(*output, "/somewhere");
}

}  // namespace
}  // namespace modelfs
