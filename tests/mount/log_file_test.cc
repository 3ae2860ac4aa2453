#include "mount/log_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "base/file.h"
#include "support/temporary_directory.h"

namespace modelfs {
namespace {

namespace fs = std::filesystem;

class LogFile : public testing::Test {
 protected:
  // What a daemon with the store `store_` leaves when it says `text` after it has left the terminal.
  void say(const std::string& text) const {
    const pid_t daemon = ::fork();
    if (daemon == 0) {
      const File directory(::open(store_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      leave_terminal(directory.fd());
      const bool said = ::write(STDERR_FILENO, text.data(), text.size()) == static_cast<ssize_t>(text.size());
      ::_exit(said && ::read(STDIN_FILENO, nullptr, 0) == 0 ? 0 : 1);
    }
    int outcome = 0;
    ::waitpid(daemon, &outcome, 0);
    EXPECT_EQ(outcome, 0);
  }
  std::string text_of(const char* name) const {
    std::ifstream file(store_ / name);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

  TemporaryDirectory directory_;
  const fs::path store_ = directory_.path();
};

TEST_F(LogFile, GoesOnWhereTheLastDaemonEnded) {
  say("first\n");
  say("second\n");

  EXPECT_EQ(text_of(kLogName), "first\nsecond\n");
}

TEST_F(LogFile, BeginsAnewWhenItIsLongAndKeepsTheOldOne) {
  say("old\n");
  fs::resize_file(store_ / kLogName, kLogBytesMax + 1);

  say("new\n");

  EXPECT_EQ(text_of(kLogName), "new\n");
  EXPECT_EQ(fs::file_size(store_ / kOldLogName), static_cast<std::uintmax_t>(kLogBytesMax) + 1);
}

TEST_F(LogFile, ThatIsASymlinkIsNotFollowed) {
  fs::create_symlink("elsewhere", store_ / kLogName);

  say("words\n");

  EXPECT_FALSE(fs::exists(store_ / "elsewhere"));
}

}  // namespace
}  // namespace modelfs
