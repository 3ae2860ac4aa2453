// What S3Remote makes of a server that misbehaves.
#include <gtest/gtest.h>

#include <atomic>

#include "engine/s3/s3_remote.h"
#include "s3/http_server.h"

namespace modelfs {
namespace {

using namespace std::chrono_literals;
using Created = Remote::Created;
using Fault = ServedAnswer::Fault;

constexpr char kSecret[] = "s3cretAccessKey";
constexpr char kToken[] = "s3ssionToken";

Deadline in(std::chrono::milliseconds time) { return std::chrono::steady_clock::now() + time; }

// The first answers are of a script, each for one request; the last of them stays.
class FaultyS3 : public testing::Test {
 protected:
  void answer(std::vector<ServedAnswer> script) {
    script_ = std::move(script);
    server_ = std::make_unique<HttpServer>([this](const ServedRequest&) {
      const std::size_t at = next_++;
      return script_[std::min(at, script_.size() - 1)];
    });
    open(server_->origin());
  }
  void answer_by(HttpServer::Handler handler) {
    server_ = std::make_unique<HttpServer>(std::move(handler));
    open(server_->origin());
  }
  void open(const std::string& endpoint) {
    S3Choices choices;
    choices.endpoint = endpoint;
    const AwsEnvironment environment = {
        {"AWS_ACCESS_KEY_ID", "AKIDTEST"}, {"AWS_SECRET_ACCESS_KEY", kSecret}, {"AWS_SESSION_TOKEN", kToken}};
    const auto options = S3Options::from("s3://models/team", "/nowhere", choices, environment);
    ASSERT_TRUE(options.ok()) << options.status().str();
    remote_ = std::make_unique<S3Remote>(*options);
  }
  Result<Created> make(std::chrono::milliseconds patience = 10s) {
    return remote_->put_if_absent("log/1", bytes_of("record"), in(patience));
  }
  Result<std::string> read(std::chrono::milliseconds patience = 10s) {
    return get_whole(*remote_, "log/1", 100, in(patience));
  }
  Status put_large(std::chrono::milliseconds patience = 30s) {
    const std::string bytes(S3Remote::kWholeBytesMax + 1, 'x');
    return remote_->put("blobs/1", BytesSource(bytes_of(bytes)), sha256_of(bytes_of(bytes)), in(patience));
  }
  std::size_t requests() const { return server_->requests().size(); }

  std::vector<ServedAnswer> script_;
  std::atomic<std::size_t> next_ = 0;
  std::unique_ptr<S3Remote> remote_;
  std::unique_ptr<HttpServer> server_;
};

ServedAnswer part_of(const std::string& whole, std::size_t first, std::size_t size) {
  return {206,
          whole.substr(first, size),
          {"Content-Range: bytes " + std::to_string(first) + "-" + std::to_string(first + size - 1) + "/" +
           std::to_string(whole.size())}};
}

TEST_F(FaultyS3, APutThatIsTakenIsSignedWithItsConditionAndItsBytes) {
  answer({{200}});

  ASSERT_EQ(*make(), Created::Now);

  const ServedRequest request = server_->requests()[0];
  EXPECT_EQ(request.method, "PUT");
  EXPECT_EQ(request.target, "/models/team/log/1");
  EXPECT_EQ(request.body, "record");
  EXPECT_EQ(request.header("if-none-match"), "*");
  EXPECT_EQ(request.header("x-amz-content-sha256"), sha256_of(bytes_of("record")).hex());
  EXPECT_NE(request.header("authorization")
                .find("SignedHeaders=host;if-none-match;x-amz-content-sha256;x-amz-date;"
                      "x-amz-security-token"),
            std::string::npos)
      << request.header("authorization");
}

TEST_F(FaultyS3, APreconditionThatFailedMeansThatAnotherHasMadeIt) {
  answer({s3_error(412, "PreconditionFailed")});

  EXPECT_EQ(*make(), Created::Already);
  EXPECT_EQ(requests(), 1u);
}

TEST_F(FaultyS3, AConflictDecidesNothingAndIsPutAgain) {
  answer({s3_error(409, "ConditionalRequestConflict"), s3_error(409, "ConditionalRequestConflict"), {200}});

  EXPECT_EQ(*make(), Created::Now);
  EXPECT_EQ(requests(), 3u);
}

TEST_F(FaultyS3, AConflictThatLastsIsUnavailable) {
  answer({s3_error(409, "ConditionalRequestConflict")});

  EXPECT_EQ(make(300ms).code(), Code::Unavailable);
}

TEST_F(FaultyS3, APutWhoseAnswerIsLostIsUnsettledAndNotRepeated) {
  answer({{200, "", {}, Fault::CutBefore}});

  EXPECT_EQ(make().code(), Code::Unsettled);
  EXPECT_EQ(requests(), 1u);
}

TEST_F(FaultyS3, APutWhoseAnswerIsLostOnAKeptConnectionIsNotRepeatedEither) {
  answer({part_of("x", 0, 1), {200, "", {}, Fault::CutBefore}});
  ASSERT_TRUE(read().ok());

  EXPECT_EQ(make().code(), Code::Unsettled);

  EXPECT_EQ(server_->count("PUT"), 1u);
}

TEST_F(FaultyS3, AnEmptyPutWhoseAnswerIsLostOnAKeptConnectionIsNotRepeatedEither) {
  answer({part_of("x", 0, 1), {200, "", {}, Fault::CutBefore}});
  ASSERT_TRUE(read().ok());

  EXPECT_EQ(remote_->put_if_absent("log/1", {}, in(10s)).code(), Code::Unsettled);

  EXPECT_EQ(server_->count("PUT"), 1u);
}

TEST_F(FaultyS3, APutThatIsNotAnsweredInTimeIsUnsettledAtTheDeadline) {
  answer({{200, "", {}, Fault::NeverAnswer}});
  const auto begin = std::chrono::steady_clock::now();

  EXPECT_EQ(make(300ms).code(), Code::Unsettled);

  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1300ms);
}

TEST_F(FaultyS3, AnInternalErrorLeavesAPutUnsettled) {
  for (const int status : {500, 502, 503, 504}) {
    answer({s3_error(status, "InternalError")});
    EXPECT_EQ(make().code(), Code::Unsettled) << status;
    EXPECT_EQ(requests(), 1u) << status;
  }
}

TEST_F(FaultyS3, AServerThatPutsOffIsAskedAgain) {
  answer({s3_error(503, "SlowDown"), s3_error(429, "TooManyRequests"), {200}});

  EXPECT_EQ(*make(), Created::Now);
  EXPECT_EQ(requests(), 3u);
}

TEST_F(FaultyS3, ARetryAfterIsKept) {
  answer({s3_error(503, "SlowDown", {"Retry-After: 1"}), {200}});
  const auto begin = std::chrono::steady_clock::now();

  EXPECT_EQ(*make(), Created::Now);

  EXPECT_GE(std::chrono::steady_clock::now() - begin, 1s);
}

TEST_F(FaultyS3, ARetryAfterBeyondTheDeadlineIsNotWaitedFor) {
  answer({s3_error(503, "SlowDown", {"Retry-After: 60"})});
  const auto begin = std::chrono::steady_clock::now();

  EXPECT_EQ(make(10s).code(), Code::Unavailable);

  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  EXPECT_EQ(requests(), 1u);
}

TEST_F(FaultyS3, AServerThatKnowsNoConditionsIsUnsupported) {
  answer({s3_error(501, "NotImplemented")});

  EXPECT_EQ(make().code(), Code::Unsupported);
}

TEST_F(FaultyS3, AReadIsRepeatedThroughErrorsAndCuts) {
  const std::string whole = "0123456789";
  ServedAnswer cut = part_of(whole, 0, 10);
  cut.fault = Fault::CutInBody;
  answer({s3_error(500, "InternalError"), {200, "", {}, Fault::CutBefore}, cut, part_of(whole, 0, 10)});

  const auto got = read();

  ASSERT_TRUE(got.ok()) << got.status().str();
  EXPECT_EQ(*got, whole);
  EXPECT_EQ(server_->count("GET"), 4u);
}

TEST_F(FaultyS3, AReadEndsAtItsDeadline) {
  answer({{200, "", {}, Fault::NeverAnswer}});
  const auto begin = std::chrono::steady_clock::now();

  EXPECT_EQ(read(300ms).code(), Code::Unavailable);

  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1300ms);
}

TEST_F(FaultyS3, AnAbsentObjectIsNotFoundOnlyWhereTheServerSaysSo) {
  answer({s3_error(404, "NoSuchKey")});
  EXPECT_EQ(read().code(), Code::NotFound);

  answer({{404, "<html>not here</html>"}});
  EXPECT_EQ(read().code(), Code::IoError);

  answer({s3_error(404, "NoSuchBucket")});
  const auto got = read();
  EXPECT_EQ(got.code(), Code::IoError);
  EXPECT_NE(got.status().message().find("there is no bucket models"), std::string::npos) << got.status().str();
}

TEST_F(FaultyS3, APartThatWasNotAskedForIsRefused) {
  answer({part_of("0123456789", 5, 5)});
  EXPECT_EQ(read().code(), Code::IoError);

  answer({{206, "0123456789", {}}});  // it does not say which part
  EXPECT_EQ(read().code(), Code::IoError);

  answer({{206, "012", {"Content-Range: bytes 0-9/10"}}});
  EXPECT_EQ(read().code(), Code::IoError);
}

TEST_F(FaultyS3, AServerWithoutRangesServesWhatBeginsAnObjectOnly) {
  answer({{200, "0123456789"}});
  std::string into(4, '?');

  EXPECT_EQ(*remote_->get("log/1", 0, std::as_writable_bytes(std::span(into)), in(10s)), 4u);
  EXPECT_EQ(into, "0123");
  EXPECT_EQ(remote_->get("log/1", 4, std::as_writable_bytes(std::span(into)), in(10s)).code(), Code::IoError);
}

TEST_F(FaultyS3, ExpiredKeysThatAreTheOnlyOnesAreDenied) {
  answer({s3_error(403, "ExpiredToken")});

  const auto got = read();

  EXPECT_EQ(got.code(), Code::Denied);
  EXPECT_EQ(requests(), 1u);
  EXPECT_NE(got.status().message().find("the environment"), std::string::npos) << got.status().str();
}

TEST_F(FaultyS3, ExpiredKeysAreFetchedOnceMoreAndTheRequestIsSentAgain) {
  std::atomic<int> given = 0;
  HttpServer container([&](const ServedRequest&) -> ServedAnswer {
    return {200, R"({"AccessKeyId": "key)" + std::to_string(++given) + R"(", "SecretAccessKey": "s"})"};
  });
  HttpServer s3([](const ServedRequest& request) -> ServedAnswer {
    const bool is_new = request.header("authorization").find("Credential=key2/") != std::string::npos;
    return is_new ? ServedAnswer{200} : s3_error(403, "ExpiredToken");
  });
  S3Choices choices;
  choices.endpoint = s3.origin();
  const auto options = S3Options::from("s3://models/team", "/nowhere", choices,
                                       {{"AWS_CONTAINER_CREDENTIALS_FULL_URI", container.origin() + "/"}});
  ASSERT_TRUE(options.ok());
  S3Remote remote(*options);

  EXPECT_EQ(*remote.put_if_absent("log/1", bytes_of("record"), in(10s)), Created::Now);
  EXPECT_EQ(given, 2);
  EXPECT_EQ(s3.count("PUT"), 2u);
}

TEST_F(FaultyS3, EveryFailureIsASentenceWithoutTheKeys) {
  const std::string leak = std::string("<Error><Code>SignatureDoesNotMatch</Code><Message>AKIDTEST ") + kSecret + " " +
                           kToken + "</Message><StringToSign>" + kSecret + "</StringToSign></Error>";
  const std::vector<std::pair<ServedAnswer, std::string>> cases = {
      {{403, leak}, "the secret access key does not belong to the key id"},
      {s3_error(403, "RequestTimeTooSkewed", {"Date: Tue, 01 Dec 2015 14:20:41 GMT"}), "have both set by NTP"},
      {s3_error(403, "InvalidAccessKeyId"), "does not know the key id"},
      {s3_error(403, "AccessDenied"), "a policy must allow s3:GetObject and s3:ListBucket on s3://models/team"},
      {{301, "", {"x-amz-bucket-region: eu-west-1"}}, "set AWS_REGION=eu-west-1"},
      {{400, "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-2</Region></Error>"},
       "set AWS_REGION=eu-west-2"},
      {s3_error(405, "MethodNotAllowed"), "405 MethodNotAllowed"},
  };
  for (const auto& [served, expected] : cases) {
    answer({served});
    const std::string message = read().status().message();
    EXPECT_NE(message.find(expected), std::string::npos) << message;
    EXPECT_TRUE(message.starts_with("s3://models/team/log/1: ")) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    for (const char* secret : {"AKIDTEST", kSecret, kToken}) EXPECT_EQ(message.find(secret), std::string::npos);
  }
}

TEST_F(FaultyS3, APolicyThatDeniesIsToldByWhatItMustAllow) {
  answer({s3_error(403, "AccessDenied")});

  EXPECT_NE(make().status().message().find("s3:PutObject"), std::string::npos);
  EXPECT_NE(remote_->remove("log/1", in(10s)).message().find("s3:DeleteObject"), std::string::npos);
  const Status listed = remote_->list(
      "", "", [](const RemoteObject&) { return true; }, 10s);
  EXPECT_EQ(listed.code(), Code::Denied);
  EXPECT_NE(listed.message().find("s3:ListBucket"), std::string::npos);
}

TEST_F(FaultyS3, NobodyThereIsUnavailable) {
  answer({{200}});
  const std::string origin = server_->origin();
  server_.reset();
  open(origin);

  const auto put = make(300ms);
  EXPECT_EQ(put.code(), Code::Unavailable);
  EXPECT_NE(put.status().message().find("cannot be reached"), std::string::npos) << put.status().str();
  EXPECT_EQ(read(300ms).code(), Code::Unavailable);
}

TEST_F(FaultyS3, AHostThatIsUnknownIsUnavailable) {
  open("https://no-such-host.invalid");

  const auto got = read(500ms);

  EXPECT_EQ(got.code(), Code::Unavailable);
  EXPECT_NE(got.status().message().find("AWS_ENDPOINT_URL_S3"), std::string::npos) << got.status().str();
}

TEST_F(FaultyS3, AServerWithoutTlsIsNotTrusted) {
  answer({{200}});
  open("https" + server_->origin().substr(4));

  const auto got = read(5s);

  EXPECT_EQ(got.code(), Code::Unavailable);
  EXPECT_NE(got.status().message().find("AWS_CA_BUNDLE"), std::string::npos) << got.status().str();
}

TEST_F(FaultyS3, PlainTextToAnotherMachineTakesAnOption) {
  S3Choices choices;
  choices.endpoint = "http://minio.example:9000";
  auto options = S3Options::from("s3://models", "/nowhere", choices, {});
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(open_s3_remote(*options).code(), Code::InvalidArgument);

  options->is_insecure = true;
  EXPECT_TRUE(open_s3_remote(*options).ok());
}

TEST_F(FaultyS3, ConnectionsAreKept) {
  answer({part_of("x", 0, 1)});

  for (int i = 0; i < 50; ++i) ASSERT_TRUE(read().ok());

  EXPECT_EQ(server_->connections(), 1u);
  EXPECT_EQ(remote_->connections_opened(), 1u);
}

TEST_F(FaultyS3, AListThatIsOutOfOrderOrWithoutEndIsRefused) {
  const auto listed = [this] {
    return remote_->list(
        "", "", [](const RemoteObject&) { return true; }, 10s);
  };
  answer({{200,
           "<ListBucketResult><Contents><Key>team/b</Key></Contents><Contents><Key>team/a</Key></Contents>"
           "</ListBucketResult>"}});
  EXPECT_EQ(listed().code(), Code::IoError);

  answer({{200, "<ListBucketResult><Contents><Key>other/b</Key></Contents></ListBucketResult>"}});
  EXPECT_EQ(listed().code(), Code::IoError);

  answer({{200, "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"}});
  EXPECT_EQ(listed().code(), Code::IoError);

  // The same page again and again.
  answer({{200,
           "<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>team/a</Key></Contents>"
           "</ListBucketResult>"}});
  EXPECT_EQ(listed().code(), Code::IoError);
}

TEST_F(FaultyS3, TheAgeOfAnObjectIsByTheServersClock) {
  answer({{200,
           "<ListBucketResult><Contents><Key>team/a</Key><Size>1</Size><LastModified>2015-12-01T14:20:41.000Z"
           "</LastModified></Contents></ListBucketResult>",
           {"Date: Tue, 01 Dec 2015 14:21:41 GMT"}}});
  std::vector<RemoteObject> found;

  ASSERT_TRUE(remote_
                  ->list(
                      "", "",
                      [&](const RemoteObject& object) {
                        found.push_back(object);
                        return true;
                      },
                      10s)
                  .ok());

  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].name, "a");
  EXPECT_EQ(found[0].age, 60s);
}

// Uploads in parts, with one answer changed.
class FaultyUpload : public FaultyS3 {
 protected:
  // `change` returns true for a request whose answer it has replaced.
  void serve(std::function<bool(const ServedRequest&, ServedAnswer&)> change) {
    answer_by([change = std::move(change)](const ServedRequest& request) {
      ServedAnswer answer{200, "", {"ETag: \"e\""}};
      if (request.target.ends_with("?uploads=")) {
        answer.body = "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>";
      } else if (request.method == "POST") {
        answer.body = "<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>";
      } else if (request.method == "DELETE") {
        answer.status = 204;
      }
      change(request, answer);
      return answer;
    });
  }
};

bool completes(const ServedRequest& request) {
  return request.method == "POST" && request.target.ends_with("?uploadId=u1");
}

TEST_F(FaultyUpload, GoesUpInPartsOfEightMebibytesThatAreSigned) {
  serve([](const ServedRequest&, ServedAnswer&) { return false; });

  const Status status = put_large();
  ASSERT_TRUE(status.ok()) << status.str();

  std::size_t bytes = 0;
  for (const ServedRequest& request : server_->requests()) {
    if (request.method != "PUT") continue;
    bytes += request.body.size();
    EXPECT_LE(request.body.size(), 8u << 20);
    EXPECT_EQ(request.header("x-amz-content-sha256"), sha256_of(bytes_of(request.body)).hex());
  }
  EXPECT_EQ(server_->count("PUT"), 3u);
  EXPECT_EQ(bytes, S3Remote::kWholeBytesMax + 1);
  EXPECT_EQ(server_->count("DELETE"), 0u);
}

TEST_F(FaultyUpload, IsGivenUpWhenAPartIsRefused) {
  serve([](const ServedRequest& request, ServedAnswer& answer) {
    if (request.target.find("partNumber=2") == std::string::npos) return false;
    answer = s3_error(403, "AccessDenied");
    return true;
  });

  EXPECT_EQ(put_large().code(), Code::Denied);
  EXPECT_EQ(server_->count("DELETE"), 1u);
}

TEST_F(FaultyUpload, IsGivenUpWhenTheBytesAreOthers) {
  serve([](const ServedRequest&, ServedAnswer&) { return false; });
  const std::string bytes(S3Remote::kWholeBytesMax + 1, 'x');

  const Status status = remote_->put("blobs/1", BytesSource(bytes_of(bytes)), sha256_of(bytes_of("other")), in(30s));

  EXPECT_EQ(status.code(), Code::Corrupt);
  EXPECT_EQ(server_->count("POST"), 1u);  // it was begun, and not completed
  EXPECT_EQ(server_->count("DELETE"), 1u);
}

TEST_F(FaultyUpload, SendsAPartAgain) {
  std::atomic<bool> has_failed = false;
  serve([&](const ServedRequest& request, ServedAnswer& answer) {
    if (request.target.find("partNumber=2") == std::string::npos || has_failed.exchange(true)) return false;
    answer.fault = Fault::CutBefore;
    return true;
  });

  EXPECT_TRUE(put_large().ok());
  EXPECT_EQ(server_->count("PUT"), 4u);
}

TEST_F(FaultyUpload, IsNotCompleteBecauseTheAnswerBeganWith200) {
  serve([](const ServedRequest& request, ServedAnswer& answer) {
    if (completes(request)) answer.body = "<Error><Code>InternalError</Code></Error>";
    if (request.method == "GET") answer = s3_error(404, "NoSuchKey");
    return true;
  });

  EXPECT_EQ(put_large().code(), Code::IoError);
  EXPECT_EQ(server_->count("DELETE"), 1u);
}

TEST_F(FaultyUpload, IsCompleteWhenTheAnswerToThatWasLost) {
  std::atomic<int> tries = 0;
  serve([&](const ServedRequest& request, ServedAnswer& answer) {
    if (completes(request)) {
      if (++tries == 1) {
        answer.fault = Fault::CutBefore;
      } else {
        answer = s3_error(404, "NoSuchUpload");
      }
    }
    if (request.method == "GET") answer = part_of(std::string(S3Remote::kWholeBytesMax + 1, 'x'), 0, 1);
    return true;
  });

  const Status status = put_large();

  EXPECT_TRUE(status.ok()) << status.str();
  EXPECT_EQ(server_->count("DELETE"), 0u);
}

TEST_F(FaultyUpload, EndsAtItsDeadlineAlsoWhereOthersHaveTheThreads) {
  std::atomic<int> of_others = 0;
  serve([&](const ServedRequest& request, ServedAnswer& answer) {
    if (request.method != "PUT" || request.target.find("/others") == std::string::npos) return false;
    answer.fault = Fault::NeverAnswer;
    ++of_others;
    return true;
  });
  const std::string bytes(2 * S3Remote::kWholeBytesMax, 'x');
  const Digest digest = sha256_of(bytes_of(bytes));
  const Deadline end_of_others = in(5s);
  std::vector<std::thread> others;
  for (int i = 0; i < 3; ++i) {
    others.emplace_back([&, i] {
      EXPECT_FALSE(
          remote_->put("others/" + std::to_string(i), BytesSource(bytes_of(bytes)), digest, end_of_others).ok());
    });
  }
  while (of_others < 8 && std::chrono::steady_clock::now() < end_of_others - 4s) std::this_thread::yield();

  (void)put_large(500ms);

  EXPECT_LT(std::chrono::steady_clock::now(), end_of_others);
  for (std::thread& other : others) other.join();
}

TEST_F(FaultyUpload, EndsAtItsDeadline) {
  serve([](const ServedRequest& request, ServedAnswer& answer) {
    if (request.method == "PUT") answer.fault = Fault::NeverAnswer;
    return true;
  });
  const auto begin = std::chrono::steady_clock::now();

  EXPECT_EQ(put_large(1s).code(), Code::Unavailable);

  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
}

}  // namespace
}  // namespace modelfs
