// mount/SEMANTICS.md, "What happened": /.modelfs/metrics.
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <regex>
#include <set>
#include <sstream>
#include <thread>

#include "mount/mounted.h"

namespace modelfs {
namespace {

class Metrics : public Mounted {
 protected:
  static constexpr auto kCountedWithin = std::chrono::seconds(10);

  static std::string text() { return read_file(mount().point() + "/.modelfs/metrics"); }

  // A sample by its name and labels, as they stand there; 0 where it is absent.
  static double value(const std::string& sample) {
    std::istringstream lines(text());
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(sample + " ")) return std::stod(line.substr(sample.size()));
    }
    return 0;
  }

  // How much a sample grows with `work`. A request is counted right after its answer: waits until it is `expected`.
  static double growth(const std::string& sample, double expected, const std::function<void()>& work) {
    const double before = value(sample);
    work();
    const auto deadline = std::chrono::steady_clock::now() + kCountedWithin;
    double grown = value(sample) - before;
    while (grown < expected && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
      grown = value(sample) - before;
    }
    return grown;
  }
};

TEST_F(Metrics, CountTheRequestsThatWereFoundByPolling) {
  if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "on one processor nobody looks for requests";
  publish("1.0", {{"weights", "w"}});
  const std::string file = at("1.0/weights");
  const auto deadline = std::chrono::steady_clock::now() + kCountedWithin;
  double found = 0;

  while (found == 0 && std::chrono::steady_clock::now() < deadline) {
    for (int i = 0; i < 1000; ++i) static_cast<void>(open_file(file, O_RDONLY));
    found = value("modelfs_requests_polled_total");
  }

  EXPECT_GT(found, 0);
}

TEST_F(Metrics, AreInTheTextFormatOfPrometheus) {
  publish("1.0", {{"weights", pattern(200'000)}});
  static_cast<void>(::access(at("absent").c_str(), F_OK));
  const std::regex sample(
      R"re(([a-z_]+)(\{[a-z_]+="([^"\\\n]|\\["\\n])*"(,[a-z_]+="([^"\\\n]|\\["\\n])*")*\})? ([0-9.e+-]+))re");
  std::map<std::string, std::string> types;
  std::set<std::string> seen;
  std::string family;
  double last_bucket = 0;
  std::istringstream lines(text());

  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# HELP ")) {
      family = line.substr(7, line.find(' ', 7) - 7);
      continue;
    }
    if (line.starts_with("# TYPE ")) {
      EXPECT_TRUE(line.starts_with("# TYPE " + family + " ")) << line << " follows the help of " << family;
      EXPECT_TRUE(types.emplace(family, line.substr(8 + family.size())).second) << family << " is there twice";
      continue;
    }
    std::smatch parts;
    ASSERT_TRUE(std::regex_match(line, parts, sample)) << line;
    EXPECT_TRUE(seen.insert(line.substr(0, line.rfind(' '))).second) << line << " is there twice";
    const std::string name = parts[1];
    if (name == family) {
      EXPECT_EQ(types[family] == "counter", name.ends_with("_total")) << line;
      continue;
    }
    ASSERT_EQ(types[family], "histogram") << line;
    const double count = std::stod(parts[parts.size() - 1]);
    if (name == family + "_bucket") {
      const bool is_first = line.find("le=\"1e-05\"") != std::string::npos;
      EXPECT_GE(count, is_first ? 0 : last_bucket) << line;
      last_bucket = count;
    } else if (name == family + "_count") {
      EXPECT_EQ(count, last_bucket) << line;
    } else {
      EXPECT_EQ(name, family + "_sum");
    }
  }

  EXPECT_EQ(types.count("modelfs_request_duration_seconds"), 1u);
  EXPECT_TRUE(text().ends_with("\n"));
}

TEST_F(Metrics, CountRequestsTheirTimesAndTheirErrors) {
  const auto ask = [&] {
    for (int i = 0; i < 10; ++i) EXPECT_EQ(error(::access(at("absent").c_str(), F_OK)), ENOENT);
  };

  EXPECT_GE(growth("modelfs_requests_total{kind=\"lookup\"}", 10, ask), 10);
  EXPECT_GE(growth("modelfs_request_duration_seconds_count{kind=\"lookup\"}", 10, ask), 10);
  EXPECT_GE(growth("modelfs_request_errors_total{kind=\"lookup\",error=\"ENOENT\"}", 10, ask), 10);
  EXPECT_GT(growth("modelfs_request_duration_seconds_sum{kind=\"lookup\"}", 1e-9, ask), 0);
}

TEST_F(Metrics, CountCommitsAndRefusals) {
  const auto commits = [](const std::string& kind) { return "modelfs_commits_total{kind=\"" + kind + "\"}"; };

  EXPECT_EQ(growth(commits("release"), 2,
                   [&] {
                     publish("1.0", {{"weights", "abc"}});
                     publish("1.1", {{"weights", "def"}});
                   }),
            2);
  EXPECT_EQ(growth(commits("generation"), 1, [&] { publish("1.0/next", {{"state", "s"}}); }), 1);
  EXPECT_EQ(growth(commits("label"), 1, [&] { run("ln -sfn 1.0 '" + at("prod") + "'"); }), 1);
  EXPECT_EQ(growth(commits("label_removal"), 1, [&] { ::unlink(at("prod").c_str()); }), 1);
  EXPECT_EQ(growth(commits("removal"), 1, [&] { ::rename(at("1.0").c_str(), trash("1.0").c_str()); }), 1);
  EXPECT_EQ(growth(commits("restoration"), 1, [&] { ::rename(trash("1.0").c_str(), at("1.0").c_str()); }), 1);
  EXPECT_EQ(growth("modelfs_refusals_total", 1,
                   [&] {
                     make_draft("bad", {{"weights", "abc"}});
                     static_cast<void>(::symlink("/etc", stage("bad/away").c_str()));
                     EXPECT_EQ(error(::rename(stage("bad").c_str(), at("2.0").c_str())), EBADMSG);
                   }),
            1);
}

TEST_F(Metrics, CountBytesThatGoThroughTheDaemon) {
  EXPECT_EQ(growth("modelfs_written_bytes_total", 200'000,
                   [&] {
                     make_draft("x", {{"weights", pattern(200'000)}});
                   }),
            200'000);
  EXPECT_GE(growth("modelfs_read_bytes_total{of=\"draft\"}", 200'000, [&] { read_file(stage("x/weights")); }), 200'000);
  ASSERT_EQ(error(::rename(stage("x").c_str(), at("1.0").c_str())), 0);
  const auto size = static_cast<double>(stat_of(at("1.0.tar")).st_size);
  EXPECT_GE(growth("modelfs_read_bytes_total{of=\"published\"}", size, [&] { read_file(at("1.0.tar")); }), size);
}

TEST_F(Metrics, CountOpensByWhoReads) {
  publish("1.0", {{"small", "abc"}});
  EXPECT_EQ(growth("modelfs_opens_total{read_by=\"daemon\"}", 3,
                   [&] {
                     for (int i = 0; i < 3; ++i) open_file(at("1.0/small"), O_RDONLY);
                   }),
            3);
  const double before = value("modelfs_open_handles");
  const File first = open_file(at("1.0/small"), O_RDONLY);
  EXPECT_GE(value("modelfs_open_handles"), before + 1);
  EXPECT_GT(value("modelfs_known_nodes"), 3);
}

TEST_F(Metrics, CountWhatCachesHaveAndHaveNot) {
  publish("1.0", {{"weights", "abc"}});
  const auto read_archive = [&] { read_file(at("1.0.tar")); };
  EXPECT_GE(growth("modelfs_cache_misses_total{cache=\"archive_layouts\"}", 1, read_archive), 1);
  EXPECT_GE(growth("modelfs_cache_hits_total{cache=\"archive_layouts\"}", 1, read_archive), 1);
  EXPECT_GT(value("modelfs_cache_bytes{cache=\"archive_layouts\"}"), 0);
  EXPECT_GT(value("modelfs_cache_bytes{cache=\"containers\"}"), 0);
}

TEST_F(Metrics, EscapeWhatADomainIsCalled) {
  const std::string name = R"(quo"ted\name)";
  make_directory(mount().point() + "/" + name);

  EXPECT_EQ(value(R"(modelfs_domain_sequence{domain="quo\"ted\\name"})"), 1);
  ASSERT_EQ(error(::rmdir((mount().point() + "/" + name).c_str())), 0);
  EXPECT_EQ(value(R"(modelfs_domain_sequence{domain="quo\"ted\\name"})"), 0);
}

}  // namespace
}  // namespace modelfs
