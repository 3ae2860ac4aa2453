#include "engine/s3/s3_options.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "support/temporary_directory.h"

namespace modelfs {
namespace {

class Options : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(home_.path() + "/.aws");
    std::ofstream(home_.path() + "/.aws/" + name) << text;
  }
  S3Options options(const std::string& url = "s3://models/team", const S3Choices& choices = {}) {
    const auto made = S3Options::from(url, home_.path(), choices, environment_);
    EXPECT_TRUE(made.ok()) << made.status().str();
    return *made;
  }

  TemporaryDirectory home_;
  AwsEnvironment environment_;
};

TEST_F(Options, AreThoseOfAwsWhereNobodySaysOtherwise) {
  const S3Options made = options();

  EXPECT_EQ(made.region, "us-east-1");
  EXPECT_EQ(made.origin().str(), "https://models.s3.us-east-1.amazonaws.com");
  EXPECT_EQ(made.path_of("team/log/1"), "/team/log/1");
  EXPECT_EQ(made.path_of(""), "/");
}

TEST_F(Options, ReadNoProfileWhereItsFileIsDevNull) {
  write("config", "[default]\nregion = eu-west-1\n");
  EXPECT_EQ(options().region, "eu-west-1");
  environment_["AWS_CONFIG_FILE"] = "/dev/null";
  environment_["AWS_SHARED_CREDENTIALS_FILE"] = "/dev/null";

  EXPECT_EQ(options().region, "us-east-1");
}

TEST_F(Options, PutABucketWithADotIntoThePathSinceNoCertificateHasIt) {
  const S3Options made = options("s3://models.acme");

  EXPECT_EQ(made.origin().str(), "https://s3.us-east-1.amazonaws.com");
  EXPECT_EQ(made.path_of("log/1"), "/models.acme/log/1");
  EXPECT_EQ(made.path_of(""), "/models.acme");
}

TEST_F(Options, PutTheBucketIntoThePathOfAnotherServer) {
  environment_["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9000";

  EXPECT_EQ(options().origin().str(), "http://127.0.0.1:9000");
  EXPECT_EQ(options().path_of("log/1"), "/models/log/1");
}

TEST_F(Options, OfAMountComeBeforeTheEnvironmentAndThatBeforeTheProfile) {
  write("config",
        "[default]\nregion = eu-west-1\nendpoint_url = https://profile.example\nca_bundle = /profile.pem\n"
        "s3 =\n  addressing_style = virtual\n");
  EXPECT_EQ(options().region, "eu-west-1");
  EXPECT_EQ(options().origin().str(), "https://models.profile.example");
  EXPECT_EQ(options().ca_file, "/profile.pem");

  environment_["AWS_DEFAULT_REGION"] = "eu-west-2";
  environment_["AWS_ENDPOINT_URL"] = "https://all.example";
  environment_["AWS_CA_BUNDLE"] = "/environment.pem";
  EXPECT_EQ(options().region, "eu-west-2");
  EXPECT_EQ(options().endpoint.str(), "https://all.example");
  EXPECT_EQ(options().ca_file, "/environment.pem");

  environment_["AWS_REGION"] = "eu-west-3";
  environment_["AWS_ENDPOINT_URL_S3"] = "https://s3.example";
  EXPECT_EQ(options().region, "eu-west-3");
  EXPECT_EQ(options().endpoint.str(), "https://s3.example");

  S3Choices choices;
  choices.region = "eu-west-4";
  choices.endpoint = "https://option.example";
  choices.ca_file = "/option.pem";
  choices.path_style = true;
  EXPECT_EQ(options("s3://models", choices).region, "eu-west-4");
  EXPECT_EQ(options("s3://models", choices).origin().str(), "https://option.example");
  EXPECT_EQ(options("s3://models", choices).ca_file, "/option.pem");
}

TEST_F(Options, TakeTheEndpointOfAProfilesServices) {
  write("config", "[profile local]\nservices = here\n[services here]\ns3 =\n  endpoint_url = http://localhost:4566\n");
  environment_["AWS_PROFILE"] = "local";

  EXPECT_EQ(options().endpoint.str(), "http://localhost:4566");
}

TEST_F(Options, NameFilesThatAreFoundFromAnywhere) {
  environment_["AWS_CA_BUNDLE"] = "ca.pem";
  environment_["AWS_WEB_IDENTITY_TOKEN_FILE"] = "token";

  EXPECT_EQ(options().ca_file, std::filesystem::current_path() / "ca.pem");
  EXPECT_EQ(options().credentials.environment.at("AWS_WEB_IDENTITY_TOKEN_FILE"),
            std::filesystem::current_path() / "token");
}

TEST_F(Options, HaveARegionThatIsOne) {
  environment_["AWS_REGION"] = "eu west";

  EXPECT_EQ(S3Options::from("s3://models", home_.path(), {}, environment_).code(), Code::InvalidArgument);
}

TEST(ProfileFile, HasSectionsValuesAndNestedValues) {
  const AwsFile file = parse_aws_file(
      "# comment\nstray = 1\n[default]\r\nregion=eu-west-1\r\n; comment\n s3 =\n   addressing_style = path\n"
      "[ profile  a ]\noutput = json=x\nno value\n[broken\nlost = 1\n");

  ASSERT_EQ(file.size(), 2u);
  EXPECT_EQ(file.at("default").at("region"), "eu-west-1");
  EXPECT_EQ(file.at("default").at("s3.addressing_style"), "path");
  EXPECT_EQ(file.at("profile a").at("output"), "json=x");
  EXPECT_EQ(file.at("profile a").size(), 1u);
}

}  // namespace
}  // namespace modelfs
