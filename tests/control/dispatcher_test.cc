#include "control/dispatcher.h"

#include <sys/stat.h>
#include <unistd.h>

#include "catalog/snapshot.h"
#include "store_fixture.h"

namespace modelfs {
namespace {

constexpr uid_t kAlice = 1001;
constexpr uid_t kBob = 1002;

class Verbs : public StoreFixture {
 protected:
  // The items of a list.
  std::vector<nlohmann::json> list(Channel& channel, const std::string& verb, const std::string& path) {
    std::vector<nlohmann::json> items;
    const auto answer = channel.call(Channel::request(verb, {{"path", path}}), [&](Message part) {
      for (const auto& item : part.body["items"]) items.push_back(item);
      return Status();
    });
    EXPECT_TRUE(answer.ok()) << answer.status().message();
    return items;
  }
  // Alice owns the domain, as mkdir by her would have it.
  void make_domain_of_alice(std::uint32_t mode) {
    ASSERT_TRUE(registry_->domains().create(*DomainName::parse("churn"), {kAlice, kAlice, mode}, user(kAlice)).ok());
  }
};

TEST_F(Verbs, PutPublishesBytesAndTellsTheMount) {
  const auto channel = talk(root());

  const auto answer = put(*channel, "churn/1.2.0", "hello");

  ASSERT_TRUE(answer.ok()) << answer.status().message();
  EXPECT_EQ(answer->body["published"]["version"], "1.2.0");
  EXPECT_EQ(answer->body["published"]["files"], 1);
  EXPECT_EQ(answer->body["published"]["already_published"], false);
  EXPECT_EQ(published_calls_, 1);
  EXPECT_EQ(draft_count(), 0u);
}

TEST_F(Verbs, PutOfTheSameContentAgainSaysSoAndLeavesNothing) {
  const auto channel = talk(root());
  ASSERT_TRUE(put(*channel, "churn/1.2.0", "hello").ok());

  const auto again = put(*channel, "churn/1.2.0", "hello");

  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(again->body["published"]["already_published"], true);
  EXPECT_EQ(draft_count(), 0u);
}

TEST_F(Verbs, PutOfOtherContentUnderATakenNameIsRefusedAndLeavesNothing) {
  const auto channel = talk(root());
  ASSERT_TRUE(put(*channel, "churn/1.2.0", "hello").ok());

  EXPECT_EQ(put(*channel, "churn/1.2.0", "other").code(), Code::AlreadyExists);
  EXPECT_EQ(draft_count(), 0u);
}

TEST_F(Verbs, PutThatLosesItsConnectionLeavesNeitherDraftNorDomain) {
  {
    const auto channel = talk(root());
    ASSERT_TRUE(channel->call(Channel::request("put.begin", {{"target", "churn/1.2.0"}})).ok());
    ASSERT_TRUE(channel->call(entry_with_bytes("a", "hello")).ok());
    ASSERT_EQ(draft_count(), 1u);
  }

  EXPECT_EQ(draft_count(), 0u);
  EXPECT_EQ(registry_->snapshot()->domain(*DomainName::parse("churn")).code(), Code::NotFound);
}

TEST_F(Verbs, PutThatWasCutOffIsClearedAtTheNextStart) {
  make_domain_of_alice(0755);
  const auto head = registry_->snapshot()->domain(*DomainName::parse("churn"));
  DraftStore& drafts = registry_->drafts();
  const NewDraft directory{FileType::Directory, {kAlice, kAlice, 0700}, ""};
  const auto torn = drafts.tree().make(stage_of(*head), ".put-1-1", directory);
  ASSERT_TRUE(drafts.attributes().setxattr(torn->ino, "user.modelfs.put", "1", AttributeMode::Set).ok());
  ASSERT_TRUE(drafts.tree().make(torn->ino, "a", {FileType::Regular, {kAlice, kAlice, 0600}, ""}).ok());
  ASSERT_TRUE(drafts.tree().make(stage_of(*head), ".put-of-mine", directory).ok());

  ASSERT_TRUE(PutSession::discard_all(*registry_).ok());

  const auto left = registry_->draft_list().list(std::nullopt);
  ASSERT_EQ(left->size(), 1u);
  EXPECT_EQ(left->front().path, "churn/.stage/.put-of-mine");
}

TEST_F(Verbs, PutTakesADescriptorsBytesAndItsHoles) {
  constexpr std::uint64_t kSize = 8ull << 20;
  File file = source("big", "head");
  ASSERT_EQ(::ftruncate(file.fd(), kSize), 0);
  const auto channel = talk(root());
  ASSERT_TRUE(channel->call(Channel::request("put.begin", {{"target", "churn/1.2.0"}})).ok());

  ASSERT_TRUE(channel->call(entry_with_descriptor("big", kSize, std::move(file))).ok());

  const auto head = registry_->snapshot()->domain(*DomainName::parse("churn"));
  const auto stage = registry_->drafts().tree().list(stage_of(*head));
  const auto entry = registry_->drafts().tree().lookup(stage->front().ino, "big");
  const auto inode = registry_->drafts().tree().stat(entry->ino);
  EXPECT_EQ(inode->size_bytes, kSize);
  EXPECT_LT(inode->blocks * 512, kSize / 2);
  EXPECT_TRUE(channel->call(Channel::request("put.commit", {{"mode", 0755}, {"mtime_ns", 1}})).ok());
}

TEST_F(Verbs, PutRefusesADescriptorThatIsNoRegularFile) {
  const auto channel = talk(root());
  ASSERT_TRUE(channel->call(Channel::request("put.begin", {{"target", "churn/1.2.0"}})).ok());

  const auto answer = channel->call(entry_with_descriptor("a", 0, File(::open("/dev/zero", O_RDONLY))));

  EXPECT_EQ(answer.code(), Code::InvalidArgument);
  EXPECT_EQ(draft_count(), 0u);
}

TEST_F(Verbs, PutTakesChunksInPieces) {
  const auto channel = talk(root());
  ASSERT_TRUE(channel->call(Channel::request("put.begin", {{"target", "churn/1.2.0"}})).ok());
  ASSERT_TRUE(
      channel
          ->call(Channel::request("put.entries", {{"entries", nlohmann::json::array({file_entry("a", 10, "chunks")})}}))
          .ok());
  Message first = Channel::request("put.data", {{"offset", 0}});
  first.bytes = "abc";
  ASSERT_TRUE(channel->call(std::move(first)).ok());
  ASSERT_TRUE(channel->call(Channel::request("put.data", {{"last", true}})).ok());
  ASSERT_TRUE(channel->call(Channel::request("put.commit", {{"mode", 0755}, {"mtime_ns", 1}})).ok());

  const auto files = list(*channel, "files", "churn/latest");

  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[1]["size"], 10);
  EXPECT_EQ(files[1]["mtime_ns"], 5);
}

TEST_F(Verbs, PutKeepsDirectoriesLinksAndTimes) {
  const auto channel = talk(root());
  ASSERT_TRUE(channel->call(Channel::request("put.begin", {{"target", "churn/1.2.0"}})).ok());
  Message message = Channel::request(
      "put.entries", {{"entries",
                       {{{"type", "directory"}, {"in", 0}, {"name", "d"}, {"mode", 04750}, {"mtime_ns", 7}},
                        {{"type", "file"},
                         {"in", 1},
                         {"name", "f"},
                         {"mode", 0755},
                         {"mtime_ns", 8},
                         {"size", 2},
                         {"content", "bytes"}},
                        {{"type", "hardlink"}, {"in", 0}, {"name", "g"}, {"to", 2}},
                        {{"type", "symlink"}, {"in", 0}, {"name", "s"}, {"target", "d/f"}, {"mtime_ns", 9}}}}});
  message.bytes = "hi";
  ASSERT_TRUE(channel->call(std::move(message)).ok());
  ASSERT_TRUE(channel->call(Channel::request("put.commit", {{"mode", 0755}, {"mtime_ns", 6}})).ok());

  const auto files = list(*channel, "files", "churn/1.2.0");

  ASSERT_EQ(files.size(), 5u);
  EXPECT_EQ(files[0]["mtime_ns"], 6);
  EXPECT_EQ(files[1]["path"], "d");
  EXPECT_EQ(files[1]["mtime_ns"], 7);
  EXPECT_EQ(files[1]["mode"], "0750");  // no set-id bits
  EXPECT_EQ(files[2]["path"], "g");
  EXPECT_EQ(files[2]["hardlink_group"], files[4]["hardlink_group"]);
  EXPECT_EQ(files[3]["target"], "d/f");
}

TEST_F(Verbs, GetReadsBackWhatWasPut) {
  const std::string large(200'000, 'x');
  const auto channel = talk(root());
  ASSERT_TRUE(put(*channel, "churn/1.2.0", large).ok());
  ASSERT_TRUE(channel->call(Channel::request("open", {{"path", "churn/latest"}})).ok());

  const auto answer = channel->call(Channel::request("read", {{"package", 0}, {"entry", 1}, {"offset", 0}}));

  ASSERT_TRUE(answer.ok()) << answer.status().message();
  EXPECT_EQ(answer->bytes, large);
}

TEST_F(Verbs, ReleasesAreListedNewestFirstWithTheirLabels) {
  const auto channel = talk(root());
  ASSERT_TRUE(put(*channel, "churn/9", "1").ok());
  ASSERT_TRUE(put(*channel, "churn/10", "2").ok());
  ASSERT_TRUE(
      channel->call(Channel::request("label.set", {{"domain", "churn"}, {"label", "prod"}, {"version", "9"}})).ok());

  const auto releases = list(*channel, "releases", "churn");

  ASSERT_EQ(releases.size(), 2u);
  EXPECT_EQ(releases[0]["version"], "10");
  EXPECT_EQ(releases[0]["latest"], true);
  EXPECT_EQ(releases[1]["labels"], nlohmann::json({"prod"}));
}

TEST_F(Verbs, RemoveAndRestoreGoThereAndBack) {
  const auto channel = talk(root());
  ASSERT_TRUE(put(*channel, "churn/1", "1").ok());

  ASSERT_TRUE(channel->call(Channel::request("remove", {{"path", "churn/1"}})).ok());
  EXPECT_TRUE(list(*channel, "releases", "churn").empty());
  EXPECT_EQ(list(*channel, "removed", "churn").size(), 1u);
  ASSERT_TRUE(channel->call(Channel::request("restore", {{"path", "churn/1"}})).ok());
  EXPECT_EQ(list(*channel, "releases", "churn").size(), 1u);
}

TEST_F(Verbs, RemoveByALabelsNameIsRefused) {
  const auto channel = talk(root());
  ASSERT_TRUE(put(*channel, "churn/1", "1").ok());
  ASSERT_TRUE(
      channel->call(Channel::request("label.set", {{"domain", "churn"}, {"label", "prod"}, {"version", "1"}})).ok());

  EXPECT_EQ(channel->call(Channel::request("remove", {{"path", "churn/prod"}})).code(), Code::InvalidArgument);
  EXPECT_EQ(channel->call(Channel::request("remove", {{"path", "churn/latest"}})).code(), Code::InvalidArgument);
}

TEST_F(Verbs, CommitPublishesADraftOnce) {
  make_domain_of_alice(0755);
  const auto head = registry_->snapshot()->domain(*DomainName::parse("churn"));
  const auto draft =
      registry_->drafts().tree().make(stage_of(*head), "x", {FileType::Directory, {kAlice, kAlice, 0755}, ""});
  ASSERT_TRUE(draft.ok());
  const auto channel = talk(user(kAlice));

  EXPECT_EQ(channel->call(Channel::request("commit", {{"draft", "churn/.stage/x"}})).code(), Code::InvalidArgument);
  const auto answer = channel->call(Channel::request("commit", {{"draft", "churn/.stage/x"}, {"target", "churn/2"}}));

  ASSERT_TRUE(answer.ok()) << answer.status().message();
  EXPECT_EQ(answer->body["published"]["version"], "2");
  EXPECT_EQ(published_calls_, 1);
}

TEST_F(Verbs, GenerationsArePutAndFollowed) {
  const auto channel = talk(root());
  ASSERT_TRUE(put(*channel, "churn/1", "package").ok());
  ASSERT_TRUE(put(*channel, "churn/latest/next", "one").ok());
  const auto second = put(*channel, "churn/1/next", "two");
  ASSERT_TRUE(second.ok()) << second.status().message();
  EXPECT_EQ(second->body["published"]["generation"], 2);

  const auto shown = channel->call(Channel::request("show", {{"path", "churn/latest/latest"}}));

  ASSERT_TRUE(shown.ok()) << shown.status().message();
  EXPECT_EQ(shown->body["package"]["generation"], 2);
  EXPECT_EQ(put(*channel, "churn/1/7", "x").code(), Code::OutOfRange);
  EXPECT_EQ(draft_count(), 0u);
}

TEST_F(Verbs, ShowGivesADocumentThatAClientWroteByteForByte) {
  ServedAt place{"memory", "/m", ""};
  place.mount_point = "/m";
  ControlContext mounted(*registry_, ingest_->archives, Hooks(), place);
  const auto channel = converse_with(mounted, root());
  const std::string given = R"({"model" : {"domain": "churn"}, "storage": {"path": "/old"}})";
  ASSERT_TRUE(channel->call(Channel::request("put.begin", {{"target", "churn/1"}, {"metadata", given}})).ok());
  ASSERT_TRUE(channel->call(entry_with_bytes("a", "hello")).ok());
  ASSERT_TRUE(channel->call(Channel::request("put.commit", {{"mode", 0755}, {"mtime_ns", 1}})).ok());

  const auto shown = channel->call(Channel::request("show", {{"path", "churn/1"}}));

  ASSERT_TRUE(shown.ok()) << shown.status().message();
  EXPECT_EQ(shown->bytes, given);
  EXPECT_EQ(shown->body["package"]["metadata_given"], true);
}

// Who may what.

TEST_F(Verbs, OthersMayNotPublishIntoAlicesDomain) {
  make_domain_of_alice(0755);
  ASSERT_TRUE(put(*talk(user(kAlice)), "churn/1", "1").ok());
  const auto bob = talk(user(kBob));
  const auto before = registry_->snapshot()->domain(*DomainName::parse("churn"));

  EXPECT_EQ(put(*bob, "churn/2", "2").code(), Code::Denied);
  EXPECT_EQ(bob->call(Channel::request("label.set", {{"domain", "churn"}, {"label", "prod"}, {"version", "1"}})).code(),
            Code::Denied);
  EXPECT_EQ(bob->call(Channel::request("remove", {{"path", "churn/1"}})).code(), Code::Denied);
  EXPECT_EQ(bob->call(Channel::request("restore", {{"path", "churn/1"}})).code(), Code::Denied);

  const auto after = registry_->snapshot()->domain(*DomainName::parse("churn"));
  EXPECT_EQ(raw(after->last), raw(before->last));
  EXPECT_EQ(draft_count(), 0u);
}

class PrivateReads : public Verbs, public testing::WithParamInterface<const char*> {};

TEST_P(PrivateReads, AreDeniedToOthers) {
  make_domain_of_alice(0700);
  ASSERT_TRUE(put(*talk(user(kAlice)), "churn/1", "1").ok());

  EXPECT_EQ(talk(user(kBob))->call(Channel::request(GetParam(), {{"path", "churn"}})).code(), Code::Denied);
  EXPECT_EQ(talk(user(kBob))->call(Channel::request(GetParam(), {{"path", "churn/1"}})).code(), Code::Denied);
}

INSTANTIATE_TEST_SUITE_P(, PrivateReads,
                         testing::Values("releases", "removed", "labels", "history", "show", "files", "open", "du",
                                         "verify"));

TEST_F(Verbs, ThatConcernTheWholeStoreAreForItsOwner) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to give the store away";
  ASSERT_EQ(::chown(directory_.path().c_str(), kAlice, kAlice), 0);

  for (const char* verb : {"verify", "gc"}) {
    EXPECT_EQ(talk(user(kBob))->call(Channel::request(verb)).code(), Code::Denied) << verb;
    EXPECT_TRUE(talk(user(kAlice))->call(Channel::request(verb)).ok()) << verb;
  }
}

TEST_F(Verbs, MakingADomainIsForTheOwnerOfTheStore) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to give the store away";
  ASSERT_EQ(::chown(directory_.path().c_str(), kAlice, kAlice), 0);

  EXPECT_EQ(put(*talk(user(kBob)), "mine/1", "1").code(), Code::Denied);
  EXPECT_EQ(registry_->snapshot()->domain(*DomainName::parse("mine")).code(), Code::NotFound);
  EXPECT_TRUE(put(*talk(user(kAlice)), "hers/1", "1").ok());
}

TEST_F(Verbs, CommittingSomebodyElsesDraftIsNotPermitted) {
  make_domain_of_alice(0777);
  const auto head = registry_->snapshot()->domain(*DomainName::parse("churn"));
  const NewDraft directory{FileType::Directory, {kAlice, kAlice, 0755}, ""};
  ASSERT_TRUE(registry_->drafts().tree().make(stage_of(*head), "x", directory).ok());

  const auto answer =
      talk(user(kBob))->call(Channel::request("commit", {{"draft", "churn/.stage/x"}, {"target", "churn/2"}}));

  // As in a sticky directory: who may write there may not move what is another's.
  EXPECT_EQ(answer.code(), Code::NotPermitted);
  EXPECT_EQ(draft_count(), 1u);
}

TEST_F(Verbs, StatusShowsEveryoneHisOwnDrafts) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to give the store away";
  ASSERT_EQ(::chown(directory_.path().c_str(), kAlice, kAlice), 0);
  make_domain_of_alice(0777);
  const auto head = registry_->snapshot()->domain(*DomainName::parse("churn"));
  const NewDraft directory{FileType::Directory, {kAlice, kAlice, 0755}, ""};
  ASSERT_TRUE(registry_->drafts().tree().make(stage_of(*head), "x", directory).ok());

  EXPECT_EQ(talk(user(kBob))->call(Channel::request("status"))->body["draft_count"], 0);
  EXPECT_EQ(talk(user(kAlice))->call(Channel::request("status"))->body["draft_count"], 1);
}

// Requests that make no sense.

class Nonsense : public Verbs, public testing::WithParamInterface<const char*> {};

TEST_P(Nonsense, IsAnsweredAndChangesNothing) {
  const auto channel = talk(root());
  ASSERT_TRUE(channel->call(Channel::request("put.begin", {{"target", "churn/1"}})).ok());
  Message message;
  message.body = nlohmann::json::parse(GetParam());

  const auto answer = channel->call(std::move(message));

  ASSERT_FALSE(answer.ok());
  EXPECT_TRUE(answer.code() == Code::Malformed || answer.code() == Code::Unsupported ||
              answer.code() == Code::InvalidArgument)
      << answer.status().str();
}

INSTANTIATE_TEST_SUITE_P(
    , Nonsense,
    testing::Values(
        "{}", R"({"verb":1})", R"({"verb":"nothing"})", R"({"verb":"hello"})", R"({"verb":"hello","protocol":-1})",
        R"({"verb":"hello","protocol":2})", R"({"verb":"show"})", R"({"verb":"show","path":""})",
        R"({"verb":"show","path":[]})", R"({"verb":"put.begin","target":"x"})", R"({"verb":"put.entries","entries":1})",
        R"({"verb":"put.entries","entries":[1]})",
        R"({"verb":"put.entries","entries":[{"type":"file","in":5,"name":"a","mode":0,"mtime_ns":0,"size":0,"content":"bytes"}]})",
        R"({"verb":"put.entries","entries":[{"type":"file","in":0,"name":"a","mode":0,"mtime_ns":0,"size":9,"content":"bytes"}]})",
        R"({"verb":"put.entries","entries":[{"type":"file","in":0,"name":"a","mode":0,"mtime_ns":0,"size":9,"content":"descriptor"}]})",
        R"({"verb":"put.entries","entries":[{"type":"file","in":0,"name":"../a","mode":0,"mtime_ns":0,"size":0,"content":"bytes"}]})",
        R"({"verb":"put.entries","entries":[{"type":"file","in":0,"name":"a","mode":0,"mtime_ns":0,"size":1e30,"content":"bytes"}]})",
        R"({"verb":"put.entries","entries":[{"type":"hardlink","in":0,"name":"a","to":0}]})",
        R"({"verb":"put.entries","entries":[{"type":"fifo","in":0,"name":"a","mtime_ns":0,"mode":0}]})",
        R"({"verb":"put.data","offset":0,"last":true})", R"({"verb":"put.commit"})",
        R"({"verb":"read","package":0,"entry":0,"offset":0})", R"({"verb":"restore","path":"x"})",
        R"({"verb":"label.set","domain":"../x","label":"a","version":"b"})"));

}  // namespace
}  // namespace modelfs
