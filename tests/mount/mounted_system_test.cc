// mount/SEMANTICS.md, "Times, sizes, inode numbers" and "What happened".
#include <dirent.h>
#include <fcntl.h>
#include <fts.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <thread>

#include "mount/mounted.h"

namespace modelfs {
namespace {

std::int64_t now_ns() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &time);
  return nanoseconds(time);
}

class Figures : public Mounted {};

// The directories below `top` that fts(3) finds when it stats nothing that the link counts tell it is no directory.
std::vector<std::string> directories_by_link_count(std::string top) {
  std::vector<std::string> found;
  std::array<char*, 2> tops = {top.data(), nullptr};
  FTS* const walk = ::fts_open(tops.data(), FTS_PHYSICAL | FTS_NOSTAT | FTS_NOCHDIR, nullptr);
  while (const FTSENT* const entry = ::fts_read(walk)) {
    if (entry->fts_info == FTS_D && entry->fts_level > 0) found.emplace_back(entry->fts_path);
  }
  ::fts_close(walk);
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<std::string> directories_below(const std::string& top) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(top)) {
    if (!entry.is_symlink() && entry.is_directory()) found.push_back(entry.path().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

// What a listing of `directory` says is the number of `name`.
ino_t listed_number(const std::string& directory, const std::string& name) {
  DIR* const opened = ::opendir(directory.c_str());
  ino_t number = 0;
  while (const dirent* const entry = ::readdir(opened)) {
    if (name == entry->d_name) number = entry->d_ino;
  }
  ::closedir(opened);
  return number;
}

TEST_F(Figures, AReleaseShowsWhenItWasCommitted) {
  make_draft("x", {{"weights", "abc"}});
  const timespec past[2] = {{5, 0}, {5, 0}};
  ASSERT_EQ(error(::utimensat(AT_FDCWD, stage("x").c_str(), past, 0)), 0);
  const std::int64_t before = now_ns();

  ASSERT_EQ(error(::rename(stage("x").c_str(), at("1.0").c_str())), 0);

  for (const char* name : {"1.0", "1.0.json", "latest"}) {
    EXPECT_GE(nanoseconds(stat_of(at(name)).st_mtim), before) << name;
    EXPECT_GE(nanoseconds(stat_of(at(name)).st_ctim), before) << name;
  }
}

TEST_F(Figures, AFilesChangeTimeNeverGoesBack) {
  make_draft("x", {{"weights", "abc"}, {"sub/", ""}});
  const timespec past[2] = {{5, 0}, {5, 0}};
  ASSERT_EQ(error(::utimensat(AT_FDCWD, stage("x/weights").c_str(), past, 0)), 0);
  ASSERT_EQ(error(::utimensat(AT_FDCWD, stage("x/sub").c_str(), past, 0)), 0);
  const auto before = nanoseconds(stat_of(stage("x/weights")).st_ctim);

  ASSERT_EQ(error(::rename(stage("x").c_str(), at("1.0").c_str())), 0);

  EXPECT_GE(nanoseconds(stat_of(at("1.0/weights")).st_ctim), before);
  EXPECT_GE(nanoseconds(stat_of(at("1.0/sub")).st_ctim), before);
  EXPECT_EQ(stat_of(at("1.0/weights")).st_mtim.tv_sec, 5);
}

TEST_F(Figures, ADirectorysTimeMovesWithItsListing) {
  publish("1.0", {{"weights", "abc"}});
  const auto time = [&](const std::string& path) { return nanoseconds(stat_of(path).st_mtim); };
  const auto domain_time = time(domain());
  const auto release_time = time(at("1.0"));
  EXPECT_EQ(read_file(at("1.0/weights")), "abc");
  EXPECT_EQ(time(domain()), domain_time);

  publish("1.0/next", {{"state", "s"}});
  EXPECT_GT(time(at("1.0")), release_time);
  publish("1.1", {{"weights", "def"}});
  const auto second = time(domain());
  EXPECT_GT(second, domain_time);
  ASSERT_EQ(error(::symlink("1.0", at("prod").c_str())), 0);
  EXPECT_GT(time(domain()), second);
}

TEST_F(Figures, SizesAndBlocksAreReal) {
  publish("1.0", {{"empty", ""}, {"small", pattern(5000)}, {"large", pattern(200'000)}});

  EXPECT_EQ(stat_of(at("1.0/empty")).st_blocks, 0);
  EXPECT_EQ(stat_of(at("1.0/small")).st_size, 5000);
  EXPECT_EQ(stat_of(at("1.0/small")).st_blocks, 16);
  EXPECT_EQ(stat_of(at("1.0/large")).st_blocks, (200'000 + 4095) / 4096 * 8);
}

TEST_F(Figures, InodeNumbersAreDifferent) {
  publish("1.0", {{"a", "abc"}, {"b", "abc"}});
  publish("1.1", {{"a", "abc"}});
  std::map<ino_t, std::string> seen;

  for (const char* name : {"1.0", "1.0/a", "1.0/b", "1.1", "1.1/a", "latest", "latest.json", "1.0.json", "1.1.json",
                           "versions", ".stage"}) {
    const auto [other, fresh] = seen.emplace(stat_of(at(name)).st_ino, name);
    EXPECT_TRUE(fresh) << name << " and " << other->second;
  }
}

TEST_F(Figures, ListedNumbersAreThoseOfStat) {
  publish("1.0", {{"a", "abc"}, {"sub/", ""}});

  for (const std::string directory : {"", "1.0/"}) {
    const Outcome listed = run("ls -i1 '" + at(directory) + "'");
    for (const std::string& name : names_in(at(directory))) {
      const std::string expected = std::to_string(stat_of(at(directory + name)).st_ino) + " " + name;
      EXPECT_NE(listed.output.find(expected), std::string::npos) << expected << "\n" << listed.output;
    }
  }
}

TEST_F(Figures, TheNumberOfDotDotIsTheParents) {
  publish("1.0", {{"sub/", ""}, {"sub/inner/", ""}});
  publish("1.0/next", {{"sub/", ""}});
  publish("0.9", {{"weights", "abc"}});
  ASSERT_EQ(error(::rename(at("0.9").c_str(), trash("0.9").c_str())), 0);
  make_draft("x", {{"sub/", ""}});
  make_directory(at("2.0"));
  make_directory(at("1.0/next"));
  const std::string point = mount().point();

  EXPECT_EQ(listed_number(point, ".."), stat_of(point).st_ino);
  for (const std::string& directory :
       {domain(), at(".stage"), at("versions"), at("1.0"), at("1.0/sub"), at("1.0/sub/inner"), at("1.0/1"),
        at("1.0/1/sub"), at("2.0"), at("1.0/next"), stage("x"), stage("x/sub"), trash("0.9"), point + "/.modelfs",
        point + "/.modelfs/trash", point + "/.modelfs/drafts", point + "/.modelfs/drafts/" + domain_name(),
        point + "/.modelfs/trash/" + domain_name()}) {
    EXPECT_EQ(listed_number(directory, ".."), stat_of(std::filesystem::path(directory).parent_path()).st_ino)
        << directory;
    EXPECT_EQ(listed_number(directory, "."), stat_of(directory).st_ino) << directory;
  }
}

TEST_F(Figures, LinkCountsHideNoDirectory) {
  publish("1.0", {{"sub/", ""}, {"sub/inner/", ""}, {"sub/weights", "abc"}});
  publish("1.0/next", {{"sub/", ""}, {"sub/state", "s"}});
  publish("1.1", {{"a/", ""}, {"b/", ""}, {"b/c/", ""}});
  make_draft("x", {{"sub/", ""}});
  make_directory(at("2.0"));
  make_directory(at("1.0/next"));
  make_directory(at("1.0/next/sub"));

  for (const std::string& top : {mount().point(), domain(), at(".stage"), at("1.0"), at("1.1"), at("2.0")}) {
    EXPECT_EQ(directories_by_link_count(top), directories_below(top)) << top;
  }
  EXPECT_EQ(stat_of(at("1.0/sub")).st_nlink, 3u);
  EXPECT_EQ(stat_of(at("1.0/1")).st_nlink, 3u);
  EXPECT_EQ(stat_of(at("1.1/b/c")).st_nlink, 2u);
  EXPECT_EQ(stat_of(stage("x")).st_nlink, 3u);
}

TEST_F(Figures, FreeSpaceIsThatOfTheStoresDisk) {
  struct statvfs shown {};
  struct statvfs real {};
  ASSERT_EQ(error(::statvfs(domain().c_str(), &shown)), 0);
  ASSERT_EQ(error(::statvfs(mount().store().c_str(), &real)), 0);

  EXPECT_EQ(shown.f_blocks * shown.f_frsize, real.f_blocks * real.f_frsize);
  EXPECT_EQ(shown.f_namemax, 255u);
}

class System : public Mounted {
 protected:
  std::string system(const std::string& name) const { return mount().point() + "/.modelfs/" + name; }
};

TEST_F(System, StatusListsDrafts) {
  make_draft("left", {{"weights", "abc"}});
  make_directory(at("1.0"));

  const std::string status = read_file(system("status.json"));
  EXPECT_NE(status.find(domain_name() + "/.stage/left"), std::string::npos) << status;
  EXPECT_NE(status.find(domain_name() + "/1.0"), std::string::npos) << status;
  EXPECT_NE(status.find("\"pid\": " + std::to_string(mount().pid())), std::string::npos) << status;
}

TEST_F(System, StatusIsReadWholeThoughItShowsNoSize) {
  make_draft("left", {{"weights", "abc"}});
  const std::string status = system("status.json");
  const std::string end = "}\n";

  EXPECT_EQ(stat_of(status).st_size, 0);
  EXPECT_NE(run("cat '" + status + "'").output.find("/.stage/left"), std::string::npos);
  EXPECT_TRUE(run("cat '" + status + "'").output.ends_with(end));
  EXPECT_EQ(run("tail -n 1 '" + status + "'").output, end);
  EXPECT_EQ(run("tail -c 2 '" + status + "'").output, end);
  EXPECT_EQ(run("head -c 1 '" + status + "'").output, "{");
  const std::string copy = mount().store() + "/../copy";
  ASSERT_EQ(run("cp '" + status + "' '" + copy + "'").output, "");
  EXPECT_TRUE(read_file(copy).ends_with(end));
  if (is_installed("python3")) {
    EXPECT_EQ(
        run("python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[\"pid\"])' '" + status + "'").output,
        std::to_string(mount().pid()) + "\n");
  }
  if (is_installed("jq")) {
    EXPECT_EQ(run("jq .pid '" + status + "'").output, std::to_string(mount().pid()) + "\n");
  }
}

TEST_F(System, StatusCanBeReadWhileDraftsArePublished) {
  const std::string path = system("status.json");
  std::atomic<bool> ended = false;
  std::atomic<int> failed = 0;
  std::thread reader([&] {
    while (!ended) {
      const File status(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
      if (!status.valid()) ++failed;
    }
  });

  Files files;
  for (int i = 0; i < 50; ++i) files[std::to_string(i)] = "x";
  for (int i = 0; i < 40; ++i) publish("1." + std::to_string(i), files);
  ended = true;
  reader.join();

  EXPECT_EQ(failed, 0);
}

TEST_F(System, EventsAreLinesOfJsonThatCanBeFollowed) {
  const File events = open_file(system("events"), O_RDONLY);
  ASSERT_GE(::lseek(events.fd(), 0, SEEK_END), 0);

  publish("1.0", {{"weights", "abc"}});

  std::string line(65536, '\0');
  const ssize_t got = ::read(events.fd(), line.data(), line.size());
  ASSERT_GT(got, 0);
  line.resize(static_cast<std::size_t>(got));
  EXPECT_EQ(line.front(), '{');
  EXPECT_EQ(line.substr(line.size() - 2), "}\n");
  EXPECT_NE(line.find("\"event\":\"publish\""), std::string::npos) << line;
  EXPECT_NE(line.find(domain_name()), std::string::npos) << line;
}

// With a mount of its own, because the events of a full file are nobody else's to find.
TEST_F(System, EventsBeginAnewUnderAnotherNumberWhenTheyAreFull) {
  Mount full;
  ASSERT_EQ(full.start(), "");
  ASSERT_EQ(full.stop(), "");
  const std::string line = "{\"event\":\"old\"}\n";
  std::string lines;
  while (lines.size() < (16u << 20)) lines += line;
  write_file(full.store() + "/events", lines);
  ASSERT_EQ(full.start(), "");
  const std::string events = full.point() + "/.modelfs/events";
  make_directory(full.point() + "/last");
  const File followed = open_file(events, O_RDONLY);
  const ino_t number = stat_of(events).st_ino;

  make_directory(full.point() + "/first");

  EXPECT_NE(stat_of(events).st_ino, number) << "or tail -F would not notice";
  const std::string fresh = read_file(events);
  EXPECT_NE(fresh.find("\"first\""), std::string::npos) << fresh;
  EXPECT_EQ(fresh.find("\"last\""), std::string::npos);
  const std::string old = read_file(events + ".1");
  EXPECT_EQ(old.substr(0, line.size()), line);
  EXPECT_NE(old.find("\"last\""), std::string::npos);
  EXPECT_EQ(::lseek(followed.fd(), 0, SEEK_SET), 0);
  std::string start(line.size(), '\0');
  EXPECT_EQ(::read(followed.fd(), start.data(), start.size()), static_cast<ssize_t>(start.size()));
  EXPECT_EQ(start, line) << "what is open stays";
  EXPECT_EQ(names_in(full.point() + "/.modelfs"),
            (std::vector<std::string>{"drafts", "events", "events.1", "metrics", "status.json", "trash"}));
}

TEST_F(System, StatusMetricsAndEventsAreTheOwnersOnly) {
  for (const char* name : {"status.json", "metrics", "events"}) {
    EXPECT_EQ(permissions(stat_of(system(name))), 0400u) << name;
    EXPECT_EQ(stat_of(system(name)).st_uid, ::getuid()) << name;
  }
}

TEST_F(System, ARefusalIsToldInEventsAndByAttribute) {
  make_draft("x", {{"weights", "abc"}});
  ASSERT_EQ(error(::symlink("/etc", stage("x/away").c_str())), 0);
  ASSERT_EQ(error(::rename(stage("x").c_str(), at("1.0").c_str())), EBADMSG);

  EXPECT_NE(text_attribute(stage("x"), "user.modelfs.error").find("away"), std::string::npos);
  const std::string events = read_file(system("events"));
  const std::size_t last = events.rfind("\"event\":\"refused\"");
  ASSERT_NE(last, std::string::npos);
  EXPECT_NE(events.find("away", last), std::string::npos);
}

TEST_F(System, TheMountsOwnAttributesAreNotListed) {
  publish("1.0", {{"weights", "abc"}});

  EXPECT_EQ(run("getfattr -d -m - '" + at("1.0") + "' 2>/dev/null").output, "");
}

}  // namespace
}  // namespace modelfs
