// The requests about space and about the history of more than one domain.
#include <gtest/gtest.h>

#include "store_fixture.h"

namespace modelfs {
namespace {

using Json = nlohmann::json;

class SpaceVerbs : public StoreFixture {
 protected:
  SpaceVerbs() : root_(talk(root())) {
    for (const char* version : {"1.0", "1.1", "1.2"})
      EXPECT_TRUE(put(*root_, "churn/" + std::string(version), version).ok());
  }
  static Result<Message> ask(Channel& channel, const std::string& verb, Json fields) {
    return channel.call(Channel::request(verb, std::move(fields)));
  }
  static Json list(Channel& channel, const std::string& verb, Json fields) {
    Json items = Json::array();
    const auto answer = channel.call(Channel::request(verb, std::move(fields)), [&items](Message part) {
      for (Json& item : part.body.at("items")) items.push_back(std::move(item));
      return Status();
    });
    EXPECT_TRUE(answer.ok()) << answer.status().message();
    return items;
  }
  // What the history says that was done, newest first.
  std::string deeds(const std::string& path) {
    std::string text;
    for (const Json& record : list(*root_, "history", {{"path", path}}))
      text += record.at("domain").get<std::string>() + " " + record.at("deed").get<std::string>() + "; ";
    return text;
  }

  std::unique_ptr<Channel> root_;
};

TEST_F(SpaceVerbs, PurgeTakesALiveReleaseByWayOfTheTrash) {
  const auto purged = ask(*root_, "purge", {{"path", "churn/1.0"}});

  ASSERT_TRUE(purged.ok()) << purged.status().message();
  EXPECT_EQ(purged->body.at("releases_purged"), 1);
  EXPECT_EQ(deeds("churn/1.0"), "churn purge; churn remove; churn publish; ");
  EXPECT_EQ(ask(*root_, "purge", {{"path", "churn/1.0"}}).code(), Code::NotFound);
}

TEST_F(SpaceVerbs, PurgeOfWhatALabelNamesIsRefused) {
  ASSERT_TRUE(ask(*root_, "label.set", {{"domain", "churn"}, {"label", "prod"}, {"version", "1.0"}}).ok());

  EXPECT_EQ(ask(*root_, "purge", {{"path", "churn/1.0"}}).code(), Code::Busy);
  EXPECT_EQ(ask(*root_, "purge", {{"path", "churn/prod"}}).code(), Code::InvalidArgument);
}

TEST_F(SpaceVerbs, PurgingIsForOwnersOnly) {
  ASSERT_TRUE(registry_->domains().set_owner(*DomainName::parse("churn"), {1000, 1000, 0777}, root()).ok());
  ASSERT_TRUE(ask(*root_, "remove", {{"path", "churn/1.0"}}).ok());
  const auto other = talk(user(1001));

  EXPECT_EQ(ask(*other, "purge", {{"path", "churn/1.1"}}).code(), Code::NotPermitted);
  EXPECT_TRUE(registry_->snapshot()->release(*DomainName::parse("churn"), "1.1").ok()) << "nor is it removed";
  EXPECT_EQ(ask(*other, "trash.empty", Json::object()).code(), Code::Denied);
  EXPECT_TRUE(ask(*talk(user(1000)), "purge", {{"path", "churn/1.0"}, {"in_trash", true}}).ok());
}

TEST_F(SpaceVerbs, EmptyTrashTakesWhatIsOldEnough) {
  ASSERT_TRUE(ask(*root_, "remove", {{"path", "churn/1.0"}}).ok());

  EXPECT_EQ(ask(*root_, "trash.empty", {{"older_than_seconds", 3600}})->body.at("releases_purged"), 0);
  EXPECT_EQ(ask(*root_, "trash.empty", {{"older_than_seconds", UINT64_MAX}})->body.at("releases_purged"), 0);
  EXPECT_EQ(ask(*root_, "trash.empty", Json::object())->body.at("releases_purged"), 1);
}

TEST_F(SpaceVerbs, RemoveTakesADomainThatHasNoReleases) {
  EXPECT_EQ(ask(*root_, "remove", {{"path", "churn"}}).code(), Code::NotEmpty);
  for (const char* path : {"churn/1.0", "churn/1.1", "churn/1.2"})
    ASSERT_TRUE(ask(*root_, "remove", {{"path", path}}).ok());

  EXPECT_EQ(ask(*talk(user(1000)), "remove", {{"path", "churn"}}).code(), Code::Denied);
  EXPECT_TRUE(ask(*root_, "remove", {{"path", "churn"}}).ok());
  EXPECT_EQ(registry_->snapshot()->domain(*DomainName::parse("churn")).code(), Code::NotFound);
  EXPECT_EQ(deeds("").substr(0, 20), "churn remove_domain;");
}

TEST_F(SpaceVerbs, SpaceUseIsOfWhatMayBeRead) {
  ASSERT_TRUE(put(*root_, "secret/1.0", "ssss").ok());
  ASSERT_TRUE(registry_->domains().set_owner(*DomainName::parse("secret"), {0, 0, 0700}, root()).ok());

  EXPECT_EQ(list(*root_, "du", Json::object()).size(), 2u);
  const Json seen = list(*talk(user(1000)), "du", Json::object());
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen.at(0).at("domain"), "churn");
  EXPECT_EQ(seen.at(0).at("bytes"), 9);
  EXPECT_EQ(ask(*talk(user(1000)), "du", {{"path", "secret"}}).code(), Code::Denied);
  EXPECT_EQ(list(*root_, "du", {{"path", "churn/1.1"}}).at(0).at("own_bytes"), 3);
}

TEST_F(SpaceVerbs, PruneSaysWhatItKeepsAndWhy) {
  ASSERT_TRUE(ask(*root_, "label.set", {{"domain", "churn"}, {"label", "prod"}, {"version", "1.0"}}).ok());

  const Json verdicts = list(*root_, "prune", {{"domain", "churn"}, {"keep_last", 1}});

  ASSERT_EQ(verdicts.size(), 3u);
  EXPECT_EQ(verdicts.at(0).at("kept_by"), Json({"latest", "keep-last"}));
  EXPECT_EQ(verdicts.at(1).at("pruned"), true);
  EXPECT_EQ(verdicts.at(2).at("kept_by"), Json::array({"label prod"}));
  EXPECT_EQ(deeds("churn/1.1"), "churn remove; churn publish; ");
  EXPECT_GT(changed_calls_, 0);
}

TEST_F(SpaceVerbs, HistoryIsOfTheStoreADomainAReleaseOrALabel) {
  ASSERT_TRUE(put(*root_, "other/1", "o").ok());
  for (const char* version : {"1.0", "1.1"})
    ASSERT_TRUE(ask(*root_, "label.set", {{"domain", "churn"}, {"label", "prod"}, {"version", version}}).ok());
  ASSERT_TRUE(ask(*root_, "label.rollback", {{"domain", "churn"}, {"label", "prod"}, {"reason", "worse"}}).ok());
  ASSERT_TRUE(ask(*root_, "label.remove", {{"domain", "churn"}, {"label", "prod"}}).ok());

  EXPECT_EQ(list(*root_, "history", Json::object()).size(), 10u);
  EXPECT_EQ(list(*root_, "history", {{"count_max", 2}}).size(), 2u);
  const Json moves = list(*root_, "history", {{"path", "churn/prod"}});
  ASSERT_EQ(moves.size(), 4u);
  EXPECT_EQ(moves.at(1).at("reason"), "worse");
  EXPECT_EQ(moves.at(1).at("version"), "1.0");
  EXPECT_EQ(ask(*root_, "history", {{"path", "churn/nothing"}}).code(), Code::NotFound);
}

}  // namespace
}  // namespace modelfs
