// What holds for every command: its help, what it says of a wrong command line, its exit codes, and its JSON.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "cli/open_store.h"
#include "command_fixture.h"

namespace modelfs {
namespace {

using Json = nlohmann::json;

// One name for one thing: what each member of a document is, whichever command prints it, and in `events`.
enum class Is { Text, Number, Truth, Time, Digest, Mode, Name, List, Foreign };

const std::map<std::string, std::set<Is>>& schema() {
  static const std::map<std::string, std::set<Is>> kSchema = [] {
    std::map<std::string, std::set<Is>> all;
    const auto add = [&all](Is is, std::initializer_list<const char*> names) {
      for (const char* name : names) all[name].insert(is);
    };
    add(Is::Text,
        {"domain", "version", "label",    "state",    "model_id",    "program", "published_by", "by",     "who",
         "owner",  "engine",  "store",    "store_id", "mount_point", "path",    "reason",       "layout", "directory",
         "file",   "health",  "about",    "message",  "next_step",   "kernel",  "target",       "type",   "archive",
         "deed",   "event",   "previous", "name",     "what",        "kept"});
    add(Is::Number, {"sequence",
                     "files",
                     "bytes",
                     "generation",
                     "generations",
                     "uid",
                     "gid",
                     "size",
                     "allocated",
                     "mtime_ns",
                     "size_bytes",
                     "free_bytes",
                     "recipes",
                     "unsuited",
                     "waiting",
                     "kept_bytes",
                     "draft_count",
                     "blobs",
                     "problem_count",
                     "blobs_removed",
                     "bytes_freed",
                     "draft_files_removed",
                     "own_bytes",
                     "shared_bytes",
                     "freeable_bytes",
                     "releases_purged",
                     "entries",
                     "releases",
                     "domains",
                     "hardlink_group",
                     "written",
                     "already_there",
                     "states"});
    add(Is::Truth, {"already_published", "metadata_given", "takes_generations", "readable", "under_version", "daemon",
                    "new", "took_place", "pruned"});
    add(Is::Time, {"published", "created", "changed", "time", "when", "mtime"});
    add(Is::Digest, {"digest"});
    add(Is::Mode, {"mode"});
    add(Is::List, {"labels", "problems", "mount_points", "drafts", "packages", "left", "exported", "kept_by", "items"});
    add(Is::Name, {"total", "space", "counts", "archives"});
    add(Is::Foreign, {"metadata"});
    // Older than this table, and read by scripts: the version in a domain, whether it is in a release; counts in the
    // report of an import, and of a store; that a label was removed.
    // Of what many hosts share.
    add(Is::Text, {"host", "address", "id"});
    add(Is::Number, {"objects", "condemned", "condemned_bytes", "removed_bytes", "bytes_uploaded"});
    add(Is::Truth, {"new_registry"});
    add(Is::Truth, {"latest", "removed"});
    add(Is::Text, {"latest"});
    add(Is::Number, {"published", "labels", "already_published", "removed"});
    return all;
  }();
  return kSchema;
}

bool fits(const Json& value, Is is) {
  static const std::regex kTime(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z)");
  static const std::regex kDigest("sha256:[0-9a-f]{64}");
  static const std::regex kMode("[0-7]{4}");
  const auto matches = [&value](const std::regex& form) {
    return value.is_string() && std::regex_match(value.get<std::string>(), form);
  };
  switch (is) {
    case Is::Text: return value.is_string();
    case Is::Number: return value.is_number_integer();
    case Is::Truth: return value.is_boolean();
    case Is::Time: return matches(kTime);
    case Is::Digest: return matches(kDigest);
    case Is::Mode: return matches(kMode);
    case Is::Name: return value.is_object();
    case Is::List: return value.is_array();
    case Is::Foreign: return true;
  }
  return false;
}

// Adds what is wrong in a document to `wrong`.
void check_document(const Json& document, const std::string& where, std::string& wrong) {
  if (document.is_array()) {
    for (const Json& item : document) check_document(item, where, wrong);
    return;
  }
  if (!document.is_object()) return;
  for (const auto& [name, value] : document.items()) {
    const auto known = schema().find(name);
    if (known == schema().end()) {
      wrong += where + ": '" + name + "' is in no schema\n";
      continue;
    }
    const auto& kinds = known->second;
    if (std::none_of(kinds.begin(), kinds.end(), [&value = value](Is is) { return fits(value, is); })) {
      wrong += where + ": '" + name + "' is " + value.dump() + "\n";
    }
    if (!kinds.contains(Is::Foreign)) check_document(value, where, wrong);
  }
}

class EveryCommand : public Command {
 protected:
  // The commands, as `modelfs --help` lists them.
  std::vector<std::string> commands() {
    EXPECT_EQ(run_plain({"modelfs", "--help"}), kExitOk);
    std::vector<std::string> names;
    std::istringstream lines(out_.substr(out_.find("Subcommands:")));
    std::string line;
    std::getline(lines, line);
    while (std::getline(lines, line) && line.starts_with("  ")) {
      if (line[2] != ' ') names.push_back(line.substr(2, line.find(' ', 2) - 2));
    }
    return names;
  }

  // A store with something of each kind in it.
  void fill() {
    fs::create_directories(root_ + "/servable/1");
    fs::create_directories(root_ + "/servable/2");
    write("servable/1/weights", "one");
    write("servable/2/weights", "two two");
    ASSERT_EQ(run({"put", root_ + "/servable", "churn/1.0"}), kExitOk) << err_;
    for (const char* version : {"churn/1.1", "churn/1.2", "churn/1.0/next"}) ASSERT_EQ(put(version), kExitOk) << err_;
    ASSERT_EQ(run({"label", "churn/prod", "1.0"}), kExitOk) << err_;
    ASSERT_EQ(run({"label", "churn/prod", "1.1"}), kExitOk) << err_;
    ASSERT_EQ(run({"label", "churn/old", "1.0"}), kExitOk) << err_;
    ASSERT_EQ(run({"label", "--remove", "churn/old"}), kExitOk) << err_;
    ASSERT_EQ(run({"state", "churn/1.1", "--set", "production"}), kExitOk) << err_;
    ASSERT_EQ(run({"rm", "churn/1.2"}), kExitOk) << err_;
    ASSERT_EQ(run({"restore", "churn/1.2"}), kExitOk) << err_;
    ASSERT_EQ(run({"rm", "churn/1.2"}), kExitOk) << err_;
  }

  Json json(std::vector<std::string> arguments, bool with_store = true) {
    arguments.emplace_back("--json");
    if (with_store) {
      run(arguments);
    } else {
      arguments.insert(arguments.begin(), "modelfs");
      run_plain(arguments);
    }
    Json parsed = Json::parse(out_, nullptr, false);
    EXPECT_FALSE(parsed.is_discarded()) << arguments.front() << ": " << out_ << err_;
    return parsed;
  }

  std::vector<Json> events() const {
    std::vector<Json> lines;
    std::ifstream file(store_ + "/events");
    for (std::string line; std::getline(file, line);) lines.push_back(Json::parse(line));
    return lines;
  }
};

TEST_F(EveryCommand, HasHelpThatSaysWhatItTakes) {
  const auto names = commands();
  ASSERT_GE(names.size(), 19u);

  for (const std::string& name : names) {
    EXPECT_EQ(run_plain({"modelfs", name, "--help"}), kExitOk) << name;
    EXPECT_EQ(err_, "") << name;
    EXPECT_NE(out_.find("modelfs " + name), std::string::npos) << out_;
    EXPECT_EQ(out_.find('\x1b'), std::string::npos) << name;
    const bool has_store = out_.find("--store") != std::string::npos;
    const bool has_json = out_.find("--json") != std::string::npos;
    EXPECT_TRUE(has_json || name == "mount" || name == "umount") << name << " prints no JSON";
    const bool needs_none =
        name == "mount" || name == "umount" || name == "version" || name == "init" || name == "push";
    EXPECT_TRUE(has_store || needs_none) << name << " takes no store";
  }
}

TEST_F(EveryCommand, SaysOfAWrongOptionWhatItIsAndWhereToLook) {
  for (const std::string& name : commands()) {
    EXPECT_EQ(run_plain({"modelfs", name, "--no-such-option"}), kExitUsage) << name;
    EXPECT_TRUE(err_.starts_with("modelfs: ")) << name << ": " << err_;
    EXPECT_NE(err_.find("--help"), std::string::npos) << err_;
    EXPECT_EQ(out_, "") << name;
  }
}

TEST_F(EveryCommand, SaysOfAWrongValueWhatThereIs) {
  EXPECT_EQ(run({"log", "churn", "-n", "many"}), kExitUsage);
  EXPECT_NE(err_.find("'many' is not a count; write a number from 1"), std::string::npos) << err_;
  EXPECT_EQ(run({"export", "--layout", "zip", root_}), kExitUsage);
  EXPECT_NE(err_.find("modelstore"), std::string::npos) << err_;
  EXPECT_NE(err_.find("forml"), std::string::npos) << err_;
}

TEST_F(EveryCommand, PrintsJsonOfOneSchema) {
  fill();
  std::map<std::string, Json> said;
  said["ls"] = {json({"ls"}), json({"ls", "churn"}), json({"ls", "churn", "--removed"}), json({"ls", "churn/1.0"})};
  said["log"] = {json({"log", "churn"}), json({"log"}), json({"log", "churn/prod"})};
  said["rollback"] = json({"rollback", "churn/prod", "-m", "why"});
  said["du"] = {json({"du"}), json({"du", "churn"})};
  said["prune"] = json({"prune", "churn", "--keep-last", "9", "--dry-run"});
  said["show"] = {json({"show", "churn/1.0"}), json({"show", "churn/1.0/3"})};
  said["put"] = {json({"put", root_ + "/servable", "churn/1.0"}), json({"put", root_ + "/model", "other/1"}),
                 json({"put", root_ + "/model", "other/1/next"})};
  said["commit"] = json({"commit", "churn/1.1"});
  said["get"] = {json({"get", "churn/1.0", root_ + "/got"}), json({"get", "churn/1.0", root_ + "/got.zip"})};
  said["label"] = {json({"label", "churn/stable", "1.0"}), json({"label", "churn"}),
                   json({"label", "--remove", "churn/stable"})};
  said["state"] = {json({"state", "churn/1.0", "--set", "test"}), json({"state", "churn"})};
  said["rm"] = json({"rm", "other/1"});
  said["restore"] = json({"restore", "other/1"});
  said["status"] = json({"status"});
  said["verify"] = json({"verify"});
  said["gc"] = json({"gc"});
  said["doctor"] = json({"doctor"});
  said["version"] = json({"version"}, false);
  const std::string exported = root_ + "/exported";
  said["export"] = {json({"export", "--layout", "modelstore", "churn", exported}),
                    json({"export", "--layout", "forml", "churn", root_ + "/forml"})};
  said["import"] = json({"import", exported});

  // A host's store of a registry that many share.
  fs::create_directories(root_ + "/shared");
  const std::string shared = "file://" + root_ + "/shared";
  said["push"] = json({"push", store_, shared}, false);
  said["init"] = json({"init", shared}, false);
  ASSERT_TRUE(
      open_store({.path = root_ + "/host", .create = CreateMode::CreateIfAbsent, .remote = RemoteAddress{shared, ""}})
          .ok());
  said["sweep"] = json({"sweep", "--store", root_ + "/host"}, false);

  std::string wrong;
  for (const auto& [name, document] : said) check_document(document, name, wrong);
  EXPECT_EQ(wrong, "");
  for (const std::string& name : commands()) {
    EXPECT_TRUE(said.contains(name) || name == "mount" || name == "umount") << name << " was not asked";
  }
}

TEST_F(EveryCommand, LeavesEventsThatNameThingsAsTheLogDoes) {
  fill();
  const Json log = json({"log", "churn"});
  const auto lines = events();

  std::string wrong;
  for (const Json& line : lines) check_document(line, "events", wrong);
  EXPECT_EQ(wrong, "");
  ASSERT_GE(log.size(), 12u);
  for (const Json& record : log) {
    const auto event = std::find_if(lines.begin(), lines.end(), [&](const Json& line) {
      return line.value("domain", "") == "churn" && line.value("sequence", std::uint64_t{0}) == record.at("sequence") &&
             line.at("event") == record.at("deed");
    });
    ASSERT_NE(event, lines.end()) << record;
    for (const char* name : {"version", "generation", "label", "previous", "digest", "by"}) {
      EXPECT_EQ(event->contains(name), record.contains(name)) << name << " of " << record << *event;
      EXPECT_EQ(event->value(name, Json()), record.value(name, Json())) << record;
    }
  }
}

TEST_F(EveryCommand, EndsWithTheCodeThatItsHelpPromises) {
  fill();

  EXPECT_EQ(run({"show", "churn/9"}), kExitNotFound);
  EXPECT_EQ(run({"get", "churn/9", root_ + "/got"}), kExitNotFound);
  EXPECT_EQ(run({"log", "nobody"}), kExitNotFound);
  EXPECT_EQ(run({"rm", "churn/9"}), kExitNotFound);
  EXPECT_EQ(run({"restore", "churn/9"}), kExitNotFound);
  EXPECT_EQ(run({"rm", "churn/1.1"}), kExitFailure);  // a label names it
  EXPECT_EQ(run({"label", "churn/prod", "9"}), kExitFailure);
  EXPECT_EQ(run({"put", root_ + "/model", "churn/1.0"}), kExitFailure);  // with other content
  EXPECT_EQ(run({"put", root_ + "/servable", "churn/1.0"}), kExitOk);    // with the same
  EXPECT_EQ(run({"commit", "churn/1.0"}), kExitOk);                      // as the same put
  EXPECT_EQ(run({"commit", "churn/.stage/x", "churn/9"}), kExitNotFound);
}

TEST_F(EveryCommand, NamesInARefusalWhatWasAskedAndWhatThereIs) {
  fill();

  run({"label", "churn/prod", "9"});
  EXPECT_NE(err_.find("'9' is not a published version of churn"), std::string::npos) << err_;
  run({"show", "churn/1.0/7"});
  EXPECT_NE(err_.find("no generation 7 in churn/1.0; it has 1 to 3"), std::string::npos) << err_;
  run({"show", "churn/1.1/7"});
  EXPECT_NE(err_.find("it has none yet"), std::string::npos) << err_;
  run({"put", root_ + "/model", "churn/1.0/07"});
  EXPECT_NE(err_.find("'07' is not the number of a generation"), std::string::npos) << err_;
  run({"commit", "churn/.stage/x", "churn/1.0"});
  EXPECT_NE(err_.find("churn/1.0 is published, with sha256:"), std::string::npos) << err_;
}

}  // namespace
}  // namespace modelfs
