// Both layouts as tables: what each path is, what each directory lists, and what each new name would mean.
#include "layout/layouts.h"

#include <algorithm>

#include "support/registry_fixture.h"

namespace modelfs {
namespace {

using Kind = Node::Kind;

class LayoutTables : public RegistryFixture {
 protected:
  void SetUp() override {
    RegistryFixture::SetUp();
    mount_.containers = [this](Ino ino) -> Result<std::shared_ptr<const Container>> {
      auto container = registry_->snapshot()->container(ino);
      if (!container.ok()) return container.status();
      return std::make_shared<const Container>(std::move(*container));
    };
    mount_.find_draft = [](Ino) { return std::nullopt; };
    mount_.is_being_removed = [](Ino) { return false; };
    mount_.root_owner = [] { return Ownership{0, 0, 0755}; };
    mount_.system_owner = {0, 0, 0555};
    mount_.path = "/m";
    const DomainName churn = make_domain("churn");
    ASSERT_TRUE(publish_bytes(churn, "churn/1", "one").ok());
    ASSERT_TRUE(publish_bytes(churn, "churn/1/next", "trained").ok());
    ASSERT_TRUE(publish_bytes(churn, "churn/2", "two").ok());
    ASSERT_TRUE(publish_bytes(churn, "churn/old", "gone").ok());
    ASSERT_TRUE(registry_->trash().remove(churn, "old", kRoot).ok());
    ASSERT_TRUE(registry_->labels().set(churn, "prod", "1", kRoot).ok());
  }

  Result<Node> walk(std::string_view path) {
    const auto stored = registry_->snapshot();
    const LayoutContext context{*stored, mount_};
    Node at = layouts_.root();
    while (!path.empty()) {
      const std::size_t slash = std::min(path.find('/'), path.size());
      auto next = layouts_.child(context, at, path.substr(0, slash));
      if (!next.ok()) return next;
      at = std::move(*next);
      path.remove_prefix(std::min(slash + 1, path.size()));
    }
    return at;
  }

  std::string model_id(std::string_view version) {
    return registry_->snapshot()->release(*DomainName::parse("churn"), version)->model_id;
  }

  std::vector<std::string> list(std::string_view path) {
    const auto stored = registry_->snapshot();
    std::vector<ListedNode> names;
    const auto node = walk(path);
    EXPECT_TRUE(node.ok()) << path;
    EXPECT_TRUE(layouts_.list({*stored, mount_}, *node, names).ok()) << path;
    std::vector<std::string> sorted;
    for (const ListedNode& each : names) sorted.push_back(each.name);
    std::sort(sorted.begin(), sorted.end());
    return sorted;
  }

  CreateRule rule(std::string_view directory, std::string_view name, FileType type) {
    const auto stored = registry_->snapshot();
    const auto node = walk(directory);
    EXPECT_TRUE(node.ok()) << directory;
    return layouts_.of(*node).create_rule({*stored, mount_}, *node, name, type);
  }

  LayoutMount mount_;
  Layouts layouts_ = standard_layouts();
};

TEST_F(LayoutTables, EachPathIsWhatItShouldBe) {
  const std::string ms = "operatorai-model-store/";
  const std::string id = model_id("2");
  struct Row {
    std::string path;
    Kind kind;
    FileType type;
    std::uint32_t mode;
  };
  const FileType file = FileType::Regular;
  const FileType directory = FileType::Directory;
  const FileType link = FileType::Symlink;
  const std::vector<Row> rows = {
      {"", Kind::Root, directory, 0755},
      {"churn", Kind::Domain, directory, 0755},
      {"churn/.stage", Kind::Stage, directory, 0755},
      {"churn/1", Kind::Entry, directory, 0755},
      {"churn/1/weights", Kind::Entry, file, 0444},
      {"churn/1/1", Kind::Entry, directory, 0755},
      {"churn/1/1/weights", Kind::Entry, file, 0444},
      {"churn/1/latest", Kind::Link, link, 0777},
      {"churn/1/1.json", Kind::Text, file, 0444},
      {"churn/1/1/tag.toml", Kind::Text, file, 0444},
      {"churn/1.json", Kind::Text, file, 0444},
      {"churn/1.tar.gz", Kind::Archive, file, 0444},
      {"churn/1.zip", Kind::Archive, file, 0444},
      {"churn/latest", Kind::Link, link, 0777},
      {"churn/latest.json", Kind::Text, file, 0444},
      {"churn/latest.tar", Kind::Archive, file, 0444},
      {"churn/prod", Kind::Link, link, 0777},
      {"churn/versions", Kind::Directory, directory, 0755},
      {"churn/versions/" + id + ".json", Kind::Text, file, 0444},
      {".modelfs", Kind::Directory, directory, 0555},
      {".modelfs/status.json", Kind::MountFile, file, 0},
      {".modelfs/metrics", Kind::MountFile, file, 0},
      {".modelfs/events", Kind::MountFile, file, 0},
      {".modelfs/trash", Kind::Directory, directory, 0555},
      {".modelfs/trash/churn", Kind::Trash, directory, 0755},
      {".modelfs/trash/churn/old", Kind::Entry, directory, 0755},
      {".modelfs/drafts/churn", Kind::Uploads, directory, 0755},
      {ms.substr(0, ms.size() - 1), Kind::Directory, directory, 0755},
      {ms + "domains", Kind::Directory, directory, 0755},
      {ms + "domains/churn.json", Kind::Text, file, 0644},
      {ms + "model_states", Kind::Directory, directory, 0755},
      {ms + "churn", Kind::Directory, directory, 0755},
      {ms + "churn/latest.json", Kind::Text, file, 0644},
      {ms + "churn/versions", Kind::Directory, directory, 0755},
      {ms + "churn/versions/" + id + ".json", Kind::Text, file, 0644},
      {ms + "churn/versions/modelstore-deleted", Kind::Directory, directory, 0755},
      {ms + "churn/" + id, Kind::Directory, directory, 0755},
      {ms + "churn/" + id + "/artifacts.tar.gz", Kind::Archive, file, 0444},
  };
  const auto stored = registry_->snapshot();
  for (const Row& row : rows) {
    const auto node = walk(row.path);
    ASSERT_TRUE(node.ok()) << row.path << ": " << node.status().message();
    EXPECT_EQ(node->kind, row.kind) << row.path;
    EXPECT_EQ(node->type, row.type) << row.path;
    EXPECT_NE(node->ino, kNoIno) << row.path;
    if (row.kind == Kind::MountFile) continue;
    const auto shown = layouts_.of(*node).attributes({*stored, mount_}, *node, 7);
    ASSERT_TRUE(shown.ok()) << row.path << ": " << shown.status().message();
    EXPECT_EQ(shown->mode, row.mode) << row.path;
    EXPECT_EQ(shown->ino, node->ino) << row.path;
    EXPECT_EQ(shown->type, row.type) << row.path;
    if (row.kind == Kind::Text || row.kind == Kind::Archive) {
      EXPECT_EQ(shown->size_bytes, 7u) << row.path;
    }
  }
}

TEST_F(LayoutTables, WhatIsNotThereIsNotFound) {
  for (const char* path :
       {"none", "churn/3", "churn/3.json", "churn/1/2", "churn/1/2.json", "churn/1/none", "churn/old", "churn/prod.x",
        ".modelfs/none", ".modelfs/trash/none", ".modelfs/trash/churn/1", "churn/versions/none.json",
        "operatorai-model-store/none", "operatorai-model-store/domains/none.json", "operatorai-model-store/churn/none",
        "operatorai-model-store/churn/versions/none.json"}) {
    EXPECT_EQ(walk(path).code(), Code::NotFound) << path;
  }
}

TEST_F(LayoutTables, ADirectoryListsItsNames) {
  using Names = std::vector<std::string>;
  const std::string ms = "operatorai-model-store";
  EXPECT_EQ(list(""), Names{"churn"});
  EXPECT_EQ(list("churn"), (Names{"1", "2", "latest", "prod"}));
  EXPECT_EQ(list("churn/1"), (Names{"1", "latest", "weights"}));
  EXPECT_EQ(list("churn/2"), Names{"weights"});
  EXPECT_EQ(list(".modelfs"), (Names{"drafts", "metrics", "status.json", "trash"}));
  EXPECT_EQ(list(".modelfs/trash"), Names{"churn"});
  EXPECT_EQ(list(".modelfs/trash/churn"), Names{"old"});
  EXPECT_EQ(list(ms), (Names{"churn", "domains", "model_states"}));
  EXPECT_EQ(list(ms + "/domains"), Names{"churn.json"});
  EXPECT_EQ(list(ms + "/churn/versions").size(), 3u);
  EXPECT_EQ(list(ms + "/churn/" + model_id("2")), Names{"artifacts.tar.gz"});
}

TEST_F(LayoutTables, WhatIsListedIsFoundUnderTheSameNumber) {
  const auto stored = registry_->snapshot();
  const LayoutContext context{*stored, mount_};
  std::vector<Node> left = {layouts_.root(), *walk("operatorai-model-store"), *walk(".modelfs")};
  std::size_t seen = 0;
  while (!left.empty()) {
    const Node directory = left.back();
    left.pop_back();
    std::vector<ListedNode> names;
    ASSERT_TRUE(layouts_.list(context, directory, names).ok());
    for (const ListedNode& each : names) {
      const auto child = layouts_.child(context, directory, each.name);
      ASSERT_TRUE(child.ok()) << each.name << ": " << child.status().message();
      EXPECT_EQ(child->ino, each.ino) << each.name;
      EXPECT_EQ(child->type, each.type) << each.name;
      ++seen;
      if (each.type == FileType::Directory) left.push_back(*child);
    }
  }
  EXPECT_GE(seen, 25u);
}

TEST_F(LayoutTables, ADirectoryKnowsItsParent) {
  const auto stored = registry_->snapshot();
  for (const char* path :
       {"churn", "churn/1", "churn/1/1", "churn/versions", "churn/.stage", ".modelfs", ".modelfs/trash",
        ".modelfs/trash/churn", ".modelfs/trash/churn/old", ".modelfs/drafts/churn", "operatorai-model-store",
        "operatorai-model-store/domains", "operatorai-model-store/churn", "operatorai-model-store/churn/versions",
        "operatorai-model-store/churn/versions/modelstore-deleted"}) {
    const std::string_view whole(path);
    const std::size_t slash = whole.rfind('/');
    const auto above = walk(slash == std::string_view::npos ? "" : whole.substr(0, slash));
    const auto node = walk(path);
    ASSERT_TRUE(node.ok() && above.ok()) << path;
    const auto parent = layouts_.of(*node).parent({*stored, mount_}, *node);
    ASSERT_TRUE(parent.ok()) << path << ": " << parent.status().message();
    EXPECT_EQ(*parent, above->ino) << path;
  }
}

TEST_F(LayoutTables, EachNewNameMeansWhatItShould) {
  using Rule = CreateRule::Kind;
  const FileType file = FileType::Regular;
  const FileType directory = FileType::Directory;
  const FileType link = FileType::Symlink;
  const std::string ms = "operatorai-model-store";
  struct Row {
    std::string directory, name;
    FileType type;
    Rule kind;
    std::optional<Code> code;
  };
  const std::vector<Row> rows = {
      {"", "fraud", directory, Rule::Domain, {}},
      {"", "latest", directory, Rule::Refused, Code::InvalidArgument},
      {"", "notes.txt", file, Rule::Draft, {}},
      {"churn", "3", directory, Rule::Release, {}},
      {"churn", "3", link, Rule::Label, {}},
      {"churn", "3.tar.gz", file, Rule::Upload, {}},
      {"churn", "3.json", file, Rule::Draft, {}},
      {"churn", "3.tar.gz", directory, Rule::Refused, Code::InvalidArgument},
      {"churn", ".stage", directory, Rule::Refused, Code::AlreadyExists},
      {"churn/.stage", "x", directory, Rule::Draft, {}},
      {"churn/1", "next", directory, Rule::Generation, {}},
      {"churn/1", "2", directory, Rule::Generation, {}},
      {"churn/1", "1", directory, Rule::Refused, Code::AlreadyExists},
      {"churn/1", "3", directory, Rule::Refused, Code::OutOfRange},
      {"churn/1", "next.tar.gz", file, Rule::Upload, {}},
      {"churn/1", "file", file, Rule::Refused, Code::Immutable},
      {"churn/1/1", "file", file, Rule::Refused, Code::Immutable},
      {"churn/versions", "x.json", file, Rule::Upload, {}},
      {"churn/versions", "x", file, Rule::Refused, Code::NotPermitted},
      {".modelfs", "x", file, Rule::Refused, Code::NotPermitted},
      {".modelfs/trash/churn", "x", directory, Rule::Refused, Code::NotPermitted},
      {".modelfs/drafts/churn", "x", file, Rule::Refused, Code::NotPermitted},
      {ms, "fraud", directory, Rule::Domain, {}},
      {ms + "/domains", "churn.json", file, Rule::Upload, {}},
      {ms + "/domains", "x", directory, Rule::Refused, Code::InvalidArgument},
      {ms + "/model_states", "prod.json", file, Rule::Upload, {}},
      {ms + "/churn", "versions", directory, Rule::Shown, {}},
      {ms + "/churn", "2024", directory, Rule::Draft, {}},
      {ms + "/churn", "latest.json", file, Rule::Upload, {}},
      {ms + "/churn/versions", "x.json", file, Rule::Upload, {}},
      {ms + "/churn/versions", "prod", directory, Rule::Draft, {}},
      {ms + "/churn/versions/modelstore-deleted", "x.json", file, Rule::Upload, {}},
      {ms + "/churn/" + model_id("2"), "x", file, Rule::Refused, Code::Immutable},
  };
  for (const Row& row : rows) {
    const CreateRule found = rule(row.directory, row.name, row.type);
    EXPECT_EQ(found.kind, row.kind) << row.directory << "/" << row.name << ": " << found.refusal.message();
    if (row.code) {
      EXPECT_EQ(found.refusal.code(), *row.code) << row.directory << "/" << row.name;
    }
  }
}

}  // namespace
}  // namespace modelfs
