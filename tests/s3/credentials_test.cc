#include "engine/s3/credentials.h"

#include <gtest/gtest.h>

#include <ctime>
#include <filesystem>
#include <fstream>

#include "engine/s3/credential_sources.h"
#include "engine/s3/server_time.h"
#include "s3/http_server.h"
#include "support/temporary_directory.h"

namespace modelfs {
namespace {

using namespace std::chrono_literals;
using std::chrono::system_clock;

std::string utc(system_clock::time_point time) {
  const std::time_t seconds = system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::string keys_json(const std::string& name, system_clock::time_point expiry, const char* token_name = "Token") {
  return R"({"Version": 1, "AccessKeyId": ")" + name + R"(", "SecretAccessKey": "secret of )" + name + R"(", ")" +
         token_name + R"(": "token of )" + name + R"(", "Expiration": ")" + utc(expiry) + "\"}";
}

class CredentialsOf : public testing::Test {
 protected:
  CredentialsOf() {
    settings_.home = home_.path();
    settings_.region = "eu-west-1";
    set("AWS_EC2_METADATA_DISABLED", "true");
  }
  void set(const std::string& name, const std::string& value) { settings_.environment[name] = value; }
  std::string write(const std::string& name, const std::string& text) {
    const std::string path = home_.path() + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
    return path;
  }
  Result<AwsCredentials> fetch() {
    CurrentCredentials current(settings_);
    const auto got = current.get(std::chrono::steady_clock::now() + 20s);
    if (!got.ok()) return got.status();
    return **got;
  }
  std::string key_id() {
    const auto fetched = fetch();
    return fetched.ok() ? fetched->key_id : fetched.status().str();
  }

  TemporaryDirectory home_;
  CredentialSettings settings_;
};

TEST_F(CredentialsOf, TheEnvironmentComeFirst) {
  write(".aws/credentials", "[default]\naws_access_key_id = of-profile\naws_secret_access_key = s\n");
  EXPECT_EQ(key_id(), "of-profile");

  set("AWS_ACCESS_KEY_ID", "of-environment");
  EXPECT_EQ(fetch().code(), Code::Denied);  // half of them is a mistake

  set("AWS_SECRET_ACCESS_KEY", "s");
  set("AWS_SESSION_TOKEN", "t");
  const auto fetched = fetch();
  ASSERT_TRUE(fetched.ok());
  EXPECT_EQ(fetched->key_id, "of-environment");
  EXPECT_EQ(fetched->session_token, "t");
  EXPECT_EQ(fetched->source, "the environment");
}

TEST_F(CredentialsOf, AProfileThatAnOptionNamesComeBeforeTheEnvironment) {
  set("AWS_ACCESS_KEY_ID", "of-environment");
  set("AWS_SECRET_ACCESS_KEY", "s");
  write(".aws/credentials", "[named]\naws_access_key_id = of-named\naws_secret_access_key = s\n");
  settings_.profile = "named";

  EXPECT_EQ(key_id(), "of-named");
}

TEST_F(CredentialsOf, AProfileMayLieInEitherFileAndElsewhere) {
  write(".aws/config", "[profile a]\naws_access_key_id = of-config\naws_secret_access_key = s\n");
  set("AWS_PROFILE", "a");
  EXPECT_EQ(key_id(), "of-config");

  set("AWS_SHARED_CREDENTIALS_FILE",
      write("elsewhere", "[a]\naws_access_key_id = of-elsewhere\naws_secret_access_key = s\n"));
  EXPECT_EQ(key_id(), "of-elsewhere");
}

TEST_F(CredentialsOf, AProfileThatIsNamedMustBeThere) {
  set("AWS_PROFILE", "nobody");

  const auto fetched = fetch();

  EXPECT_EQ(fetched.code(), Code::Denied);
  EXPECT_NE(fetched.status().message().find("no profile nobody"), std::string::npos) << fetched.status().str();
}

TEST_F(CredentialsOf, AProfileThatSignsInWithSsoPointToTheProcess) {
  write(".aws/config", "[default]\nsso_session = x\n");

  EXPECT_NE(fetch().status().message().find("credential_process = aws configure export-credentials"),
            std::string::npos);
}

TEST_F(CredentialsOf, AProcessAreWhatItWrites) {
  const std::string script =
      write("give keys.sh", "#!/bin/sh\necho noise >&2\ncat <<'X'\n" +
                                keys_json("of-process", system_clock::now() + 1h, "SessionToken") + "\nX\n");
  write(".aws/config", "[default]\ncredential_process = sh \"" + script + "\" --flag\n");

  const auto fetched = fetch();

  ASSERT_TRUE(fetched.ok()) << fetched.status().str();
  EXPECT_EQ(fetched->key_id, "of-process");
  EXPECT_EQ(fetched->session_token, "token of of-process");
  EXPECT_EQ(fetched->source, "credential_process of profile default");
  EXPECT_TRUE(fetched->expiry.has_value());
}

TEST_F(CredentialsOf, AProcessThatFailsAreDeniedAndNothingOfItsOutputIsTold) {
  write(".aws/config", "[default]\ncredential_process = sh -c 'echo s3cret; echo s3cret >&2; exit 3'\n");
  const auto failed = fetch();
  EXPECT_EQ(failed.code(), Code::Denied);
  EXPECT_NE(failed.status().message().find("exit code 3"), std::string::npos) << failed.status().str();
  EXPECT_EQ(failed.status().message().find("s3cret"), std::string::npos);

  write(".aws/config", "[default]\ncredential_process = sh -c 'echo s3cret'\n");
  const auto wrong = fetch();
  EXPECT_EQ(wrong.code(), Code::Denied);
  EXPECT_EQ(wrong.status().message().find("s3cret"), std::string::npos) << wrong.status().str();
}

TEST_F(CredentialsOf, AWebIdentityAreAskedOfSts) {
  HttpServer sts([](const ServedRequest& request) -> ServedAnswer {
    const bool is_asked_well = request.method == "POST" && request.header("authorization").empty() &&
                               request.body.find("Action=AssumeRoleWithWebIdentity") != std::string::npos &&
                               request.body.find("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr") != std::string::npos &&
                               request.body.find("WebIdentityToken=the.token") != std::string::npos;
    if (!is_asked_well) return s3_error(400, "ValidationError");
    return {200,
            "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
            "<AssumeRoleWithWebIdentityResult><Credentials><SessionToken>t</SessionToken><SecretAccessKey>s"
            "</SecretAccessKey><Expiration>2099-01-01T00:00:00Z</Expiration><AccessKeyId>of-sts</AccessKeyId>"
            "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"};
  });
  set("AWS_ENDPOINT_URL_STS", sts.origin());
  set("AWS_WEB_IDENTITY_TOKEN_FILE", write("token", "the.token\n"));
  set("AWS_ROLE_ARN", "arn:aws:iam::1:role/r");

  const auto fetched = fetch();

  ASSERT_TRUE(fetched.ok()) << fetched.status().str();
  EXPECT_EQ(fetched->key_id, "of-sts");
  EXPECT_EQ(fetched->session_token, "t");
  EXPECT_TRUE(fetched->expiry.has_value());
}

TEST_F(CredentialsOf, AWebIdentityThatStsRefusesAreDenied) {
  HttpServer sts([](const ServedRequest&) { return s3_error(400, "InvalidIdentityToken"); });
  set("AWS_ENDPOINT_URL_STS", sts.origin());
  set("AWS_WEB_IDENTITY_TOKEN_FILE", write("token", "the.token"));
  set("AWS_ROLE_ARN", "arn");

  const auto fetched = fetch();

  EXPECT_EQ(fetched.code(), Code::Denied);
  EXPECT_NE(fetched.status().message().find("InvalidIdentityToken"), std::string::npos) << fetched.status().str();
  EXPECT_EQ(fetched.status().message().find("the.token"), std::string::npos);
}

TEST_F(CredentialsOf, AContainerAreAskedOfItsEndpointWithItsToken) {
  HttpServer endpoint([](const ServedRequest& request) -> ServedAnswer {
    if (request.header("authorization") != "the.token" || request.target != "/v1/credentials")
      return s3_error(401, "No");
    return {200, keys_json("of-container", system_clock::now() + 1h)};
  });
  set("AWS_CONTAINER_CREDENTIALS_FULL_URI", endpoint.origin() + "/v1/credentials");
  set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", write("token", "the.token\n"));
  EXPECT_EQ(key_id(), "of-container");

  set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", write("token", "two\nlines\n"));
  EXPECT_EQ(fetch().code(), Code::Denied);
}

TEST_F(CredentialsOf, AContainerAreNotAskedInPlainTextOfAnotherMachine) {
  set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.com/credentials");
  set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "the.token");

  EXPECT_EQ(fetch().code(), Code::Denied);
}

TEST_F(CredentialsOf, AnInstanceAreAskedWithASessionToken) {
  HttpServer metadata([](const ServedRequest& request) -> ServedAnswer {
    const std::string path = "/latest/meta-data/iam/security-credentials/";
    if (request.method == "PUT" && request.target == "/latest/api/token" &&
        !request.header("x-aws-ec2-metadata-token-ttl-seconds").empty()) {
      return {200, "session"};
    }
    if (request.header("x-aws-ec2-metadata-token") != "session") return s3_error(401, "No");
    if (request.target == path) return {200, "the-role"};
    if (request.target == path + "the-role") return {200, keys_json("of-instance", system_clock::now() + 6h)};
    return s3_error(404, "No");
  });
  set("AWS_EC2_METADATA_DISABLED", "false");
  set("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.origin());

  EXPECT_EQ(key_id(), "of-instance");
}

TEST_F(CredentialsOf, NobodyAreDeniedWithWhereWasLooked) {
  const auto fetched = fetch();

  EXPECT_EQ(fetched.code(), Code::Denied);
  EXPECT_NE(fetched.status().message().find("AWS_ACCESS_KEY_ID"), std::string::npos);
  EXPECT_NE(fetched.status().message().find(home_.path() + "/.aws"), std::string::npos);
}

TEST_F(CredentialsOf, TwoLinesAreRefused) {
  set("AWS_ACCESS_KEY_ID", "a");
  set("AWS_SECRET_ACCESS_KEY", "s");
  set("AWS_SESSION_TOKEN", "t\r\nx-amz-acl: public-read");

  EXPECT_EQ(fetch().code(), Code::Denied);
}

// A container's endpoint that counts what it gives.
class CurrentCredentialsTest : public CredentialsOf {
 protected:
  CurrentCredentialsTest()
      : endpoint_([this](const ServedRequest&) -> ServedAnswer {
          if (is_down_) return s3_error(503, "No");
          return {200, keys_json("k" + std::to_string(++given_), system_clock::now() + lifetime_)};
        }) {
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", endpoint_.origin() + "/");
  }
  static Deadline soon() { return std::chrono::steady_clock::now() + 20s; }

  std::atomic<bool> is_down_ = false;
  std::atomic<int> given_ = 0;
  std::chrono::seconds lifetime_ = 1h;
  HttpServer endpoint_;
};

TEST_F(CurrentCredentialsTest, AreFetchedOnceWhileTheyLast) {
  CurrentCredentials current(settings_);

  EXPECT_EQ((*current.get(soon()))->key_id, "k1");
  EXPECT_EQ((*current.get(soon()))->key_id, "k1");
  EXPECT_EQ(given_, 1);
}

TEST_F(CurrentCredentialsTest, AreFetchedAgainFiveMinutesBeforeTheyExpire) {
  lifetime_ = 4min;
  CurrentCredentials current(settings_);

  EXPECT_EQ((*current.get(soon()))->key_id, "k1");
  EXPECT_EQ((*current.get(soon()))->key_id, "k2");
}

TEST_F(CurrentCredentialsTest, AreUsedToTheirEndWhenNoOthersCanBeHad) {
  lifetime_ = 4min;
  CurrentCredentials current(settings_);
  EXPECT_EQ((*current.get(soon()))->key_id, "k1");

  is_down_ = true;
  EXPECT_EQ((*current.get(soon()))->key_id, "k1");
  const std::size_t asked = endpoint_.count("GET");
  EXPECT_EQ((*current.get(soon()))->key_id, "k1");

  EXPECT_EQ(endpoint_.count("GET"), asked);  // not asked again at once
}

TEST_F(CurrentCredentialsTest, ThatNobodyGivesAnyMoreMayComeBack) {
  HttpServer metadata([this](const ServedRequest& request) -> ServedAnswer {
    if (is_down_) return s3_error(404, "No");
    if (request.method == "PUT") return {200, "session"};
    if (request.target.ends_with("/")) return {200, "the-role"};
    return {200, keys_json("of-instance", system_clock::now() + 1s)};
  });
  settings_.environment = {{"AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.origin()}};
  CurrentCredentials current(settings_);
  const auto refused = current.get(soon());
  ASSERT_TRUE(refused.ok());

  is_down_ = true;

  EXPECT_EQ(current.renew(**refused, soon()).code(), Code::Unavailable);
}

TEST_F(CurrentCredentialsTest, AreRenewedOnceForAllThatWereRefused) {
  CurrentCredentials current(settings_);
  const auto refused = *current.get(soon());

  EXPECT_EQ((*current.renew(*refused, soon()))->key_id, "k2");
  EXPECT_EQ((*current.renew(*refused, soon()))->key_id, "k2");
  EXPECT_EQ(given_, 2);
}

TEST(CommandLine, IsSplitAsAShellWouldWithoutExpandingAnything) {
  EXPECT_EQ(*split_command("a  'b c' \"d \\\"e\" f\\ g $HOME '' x'y'z"),
            (std::vector<std::string>{"a", "b c", "d \"e", "f g", "$HOME", "", "xyz"}));
  EXPECT_TRUE(split_command("  ")->empty());
  EXPECT_EQ(split_command("a 'b").code(), Code::InvalidArgument);
}

TEST(CredentialsDocument, MustHaveKeysAndATimeThatIsOne) {
  EXPECT_EQ(parse_credentials_json("", "x").code(), Code::Denied);
  EXPECT_EQ(parse_credentials_json("[1]", "x").code(), Code::Denied);
  EXPECT_EQ(parse_credentials_json(R"({"AccessKeyId": 1, "SecretAccessKey": "s"})", "x").code(), Code::Denied);
  EXPECT_EQ(parse_credentials_json(std::string(70'000, '['), "x").code(), Code::Denied);
  EXPECT_EQ(parse_credentials_json(R"({"AccessKeyId": "a", "SecretAccessKey": "s", "Expiration": "soon"})", "x").code(),
            Code::Denied);
  EXPECT_TRUE(parse_credentials_json(R"({"AccessKeyId": "a", "SecretAccessKey": "s"})", "x").ok());
}

TEST(ServerTime, IsReadInItsForms) {
  const auto expected = system_clock::from_time_t(1796134841);  // 2026-12-01T14:20:41Z
  for (const char* text : {"2026-12-01T14:20:41Z", "2026-12-01T14:20:41.000Z", "2026-12-01T14:20:41+00:00",
                           "2026-12-01T14:20:41.123456+00:00"}) {
    EXPECT_EQ(parse_utc(text), expected) << text;
  }
  for (const char* text : {"", "2026-12-01", "2026-12-01T14:20:41", "2026-12-01T14:20:41+02:00", "soon"}) {
    EXPECT_EQ(parse_utc(text), std::nullopt) << text;
  }
  EXPECT_EQ(parse_http_date("Tue, 01 Dec 2026 14:20:41 GMT"), expected);
  EXPECT_EQ(parse_http_date(""), std::nullopt);
}

}  // namespace
}  // namespace modelfs
