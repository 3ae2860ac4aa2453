#include "registry/events.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "support/temporary_directory.h"

namespace modelfs {
namespace {

class EventsTest : public testing::Test {
 protected:
  std::vector<nlohmann::json> lines(const char* name = Events::kFileName) const {
    std::ifstream file(directory_.path() + "/" + name);
    std::vector<nlohmann::json> all;
    for (std::string line; std::getline(file, line);) all.push_back(nlohmann::json::parse(line));
    return all;
  }
  TemporaryDirectory directory_;
};

TEST_F(EventsTest, AreOneJsonObjectALine) {
  Events events(directory_.fd());
  events.append("published", {{"domain", "churn"}, {"version", "1.0"}});
  events.append("removed", {{"domain", "a \"quoted\"\nname"}});

  const auto all = lines();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0]["event"], "published");
  EXPECT_EQ(all[0]["version"], "1.0");
  EXPECT_EQ(all[1]["domain"], "a \"quoted\"\nname");
  const std::string time = all[0]["time"];
  EXPECT_EQ(time.size(), std::string("2026-11-21T22:00:00.123456789Z").size()) << time;
}

TEST_F(EventsTest, KeepTextThatIsNoUtf8Readable) {
  Events events(directory_.fd());
  events.append("upload_refused", {{"reason", "bad \xff byte"}});
  EXPECT_EQ(lines().size(), 1u);
}

TEST_F(EventsTest, AreCountedAlsoWhereTheyCannotBeWritten) {
  Events events(-1);
  for (int i = 0; i < 3; ++i) events.append("label", {});
  events.append("gc", {});

  EXPECT_EQ(events.counts().at("label"), 3u);
  EXPECT_EQ(events.counts().at("gc"), 1u);
}

TEST_F(EventsTest, RotateAtTheLimitAndKeepOneOlderFile) {
  constexpr std::uint64_t kLimitBytes = 1000;
  Events events(directory_.fd(), kLimitBytes);
  int written = 0;
  while (events.rotation_count() < 2) {
    events.append("label", {{"number", std::to_string(written++)}});
    ASSERT_LT(written, 1000);
  }

  const auto old = lines(Events::kOldFileName);
  const auto now = lines();
  EXPECT_EQ(now.back()["number"], std::to_string(written - 1));
  EXPECT_EQ(std::stoi(old.back()["number"].get<std::string>()) + 1, std::stoi(now.front()["number"].get<std::string>()))
      << "nothing is lost between them";
  for (const char* name : {Events::kFileName, Events::kOldFileName}) {
    EXPECT_LE(std::filesystem::file_size(directory_.path() + "/" + name), kLimitBytes + 200) << name;
  }
}

TEST_F(EventsTest, OfManyThreadsDoNotMix) {
  Events events(directory_.fd());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&events, i] {
      for (int n = 0; n < 100; ++n)
        events.append("label", {{"thread", std::to_string(i)}, {"text", std::string(300, 'x')}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(lines().size(), 400u);
}

TEST_F(EventsTest, GoOnInTheFileThatIsThere) {
  Events(directory_.fd()).append("label", {});
  Events(directory_.fd()).append("gc", {});
  EXPECT_EQ(lines().size(), 2u);
}

}  // namespace
}  // namespace modelfs
