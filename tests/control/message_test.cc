#include "control/message.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

namespace modelfs {
namespace {

class Pair : public testing::Test {
 protected:
  Pair() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    mine_ = File(ends[0]);
    theirs_ = File(ends[1]);
  }
  void send_raw(const std::string& bytes) {
    ASSERT_EQ(::send(mine_.fd(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }
  static std::string header(std::uint32_t body, std::uint32_t extra) {
    std::string text;
    for (const std::uint32_t number : {body, extra}) {
      for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(number >> shift & 255);
    }
    return text;
  }
  File mine_;
  File theirs_;
};

using Frames = Pair;

TEST_F(Frames, ArriveWithBodyBytesAndDescriptors) {
  Message message;
  message.body["verb"] = "x";
  message.bytes = std::string("\0bytes", 6);
  message.descriptors.emplace_back(::open("/dev/null", O_RDONLY));
  ASSERT_TRUE(send_message(mine_.fd(), message).ok());

  const auto got = receive_message(theirs_.fd());

  ASSERT_TRUE(got.ok() && *got);
  EXPECT_EQ((*got)->body, message.body);
  EXPECT_EQ((*got)->bytes, message.bytes);
  ASSERT_EQ((*got)->descriptors.size(), 1u);
  EXPECT_NE(::fcntl((*got)->descriptors[0].fd(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(Frames, ArriveOneByOneAlthoughTheyWereSentTogether) {
  for (int i = 0; i < 3; ++i) {
    Message message;
    message.body["number"] = i;
    for (int k = 0; k < i; ++k) message.descriptors.emplace_back(::open("/dev/null", O_RDONLY));
    ASSERT_TRUE(send_message(mine_.fd(), message).ok());
  }

  for (int i = 0; i < 3; ++i) {
    const auto got = receive_message(theirs_.fd());
    ASSERT_TRUE(got.ok() && *got);
    EXPECT_EQ((*got)->body["number"], i);
    EXPECT_EQ((*got)->descriptors.size(), static_cast<std::size_t>(i));
  }
}

TEST_F(Frames, ArriveWholeWhenTheyComeByteByByte) {
  const std::string body = R"({"a":1})";
  const std::string frame = header(static_cast<std::uint32_t>(body.size()), 2) + body + "xy";
  std::thread slow([&] {
    for (const char byte : frame) send_raw(std::string(1, byte));
  });

  const auto got = receive_message(theirs_.fd());
  slow.join();

  ASSERT_TRUE(got.ok() && *got);
  EXPECT_EQ((*got)->body["a"], 1);
  EXPECT_EQ((*got)->bytes, "xy");
}

TEST_F(Frames, OfTheLargestSizeArrive) {
  Message message;
  const std::size_t body_bytes = message.body.dump().size();
  message.bytes.assign(kFrameBytesMax - body_bytes, 'x');
  std::thread sender([&] { EXPECT_TRUE(send_message(mine_.fd(), message).ok()); });

  const auto got = receive_message(theirs_.fd());
  sender.join();

  ASSERT_TRUE(got.ok() && *got);
  EXPECT_EQ((*got)->bytes.size(), message.bytes.size());
}

TEST_F(Frames, OneByteLargerAreNotSent) {
  Message message;
  message.bytes.assign(kFrameBytesMax - message.body.dump().size() + 1, 'x');

  EXPECT_EQ(send_message(mine_.fd(), message).code(), Code::TooLarge);
}

TEST_F(Frames, WithMoreDescriptorsThanAllowedAreNotSent) {
  Message message;
  for (std::size_t i = 0; i <= kFrameDescriptorsMax; ++i)
    message.descriptors.emplace_back(::open("/dev/null", O_RDONLY));

  EXPECT_EQ(send_message(mine_.fd(), message).code(), Code::TooLarge);
}

TEST_F(Frames, WithMoreDescriptorsThanAllowedAreRefusedAndNothingStaysOpen) {
  // By hand, as a hostile client would: every byte of the header brings descriptors.
  const std::string bytes = header(2, 0);
  const int before = ::dup(0);
  ::close(before);
  for (const char byte : bytes) {
    Message piece;
    iovec vector{const_cast<char*>(&byte), 1};
    alignas(cmsghdr) char room[CMSG_SPACE(sizeof(int) * kFrameDescriptorsMax)] = {};
    msghdr header_of{};
    header_of.msg_iov = &vector;
    header_of.msg_iovlen = 1;
    header_of.msg_control = room;
    header_of.msg_controllen = sizeof room;
    cmsghdr* const control = CMSG_FIRSTHDR(&header_of);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(sizeof(int) * kFrameDescriptorsMax);
    for (std::size_t i = 0; i < kFrameDescriptorsMax; ++i) reinterpret_cast<int*>(CMSG_DATA(control))[i] = 0;
    ASSERT_EQ(::sendmsg(mine_.fd(), &header_of, 0), 1);
  }

  const auto got = receive_message(theirs_.fd());

  EXPECT_EQ(got.code(), Code::Malformed);
  theirs_.reset();
  const int after = ::dup(0);
  ::close(after);
  EXPECT_EQ(after, std::min(before, after));
}

TEST_F(Frames, ThatAnnounceTooMuchAreRefusedBeforeTheyAreRead) {
  send_raw(header(0xffffffff, 0xffffffff));

  EXPECT_EQ(receive_message(theirs_.fd()).code(), Code::Malformed);
}

TEST_F(Frames, EndWithNulloptWhenThePeerHangsUpBetweenThem) {
  mine_.reset();

  const auto got = receive_message(theirs_.fd());

  ASSERT_TRUE(got.ok());
  EXPECT_FALSE(got->has_value());
}

TEST_F(Frames, EndWithAnErrorWhenThePeerHangsUpInsideOne) {
  send_raw(header(10, 0) + "{");
  mine_.reset();

  EXPECT_EQ(receive_message(theirs_.fd()).code(), Code::IoError);
}

TEST_F(Frames, SentToAPeerThatIsGoneRaiseNoSignal) {
  theirs_.reset();

  EXPECT_EQ(send_message(mine_.fd(), Message()).code(), Code::IoError);
}

class NoBody : public testing::TestWithParam<std::string> {};

TEST_P(NoBody, IsMalformed) { EXPECT_EQ(parse_body(GetParam()).code(), Code::Malformed); }

INSTANTIATE_TEST_SUITE_P(, NoBody,
                         testing::Values("", "x", "[]", "1", "{", "{\"a\":}", "{\"a\":1}x", std::string(1, '\0'),
                                         "{\"\xff\":1}",
                                         "{\"a\":" + std::string(100000, '[') + std::string(100000, ']') + "}"));

TEST(Body, NestsAndHoldsSoMuchAndNoMore) {
  const auto nested = [](int depth) {
    const auto brackets = static_cast<std::size_t>(depth - 1);
    return parse_body("{\"a\":" + std::string(brackets, '[') + std::string(brackets, ']') + "}");
  };
  EXPECT_TRUE(nested(kBodyDepthMax).ok());
  EXPECT_EQ(nested(kBodyDepthMax + 1).code(), Code::Malformed);
  const auto filled = [](std::size_t numbers) {
    std::string text = "{\"a\":[0";
    for (std::size_t i = 1; i < numbers; ++i) text += ",0";
    return parse_body(text + "]}");
  };
  // The two ends of the object and of the array, and the key, are told of, too.
  EXPECT_TRUE(filled(kBodyValuesMax - 5).ok());
  EXPECT_EQ(filled(kBodyValuesMax - 4).code(), Code::Malformed);
}

TEST(Errors, ComeBackAsTheyWereSaid) {
  const Status status = error_of(error_json({Code::NotFound, "no release 1 in x"}));

  EXPECT_EQ(status.code(), Code::NotFound);
  EXPECT_EQ(status.message(), "no release 1 in x");
}

TEST(Errors, OfUnknownKindAreErrorsStill) { EXPECT_EQ(error_of({{"code", "ok"}}).code(), Code::Internal); }

}  // namespace
}  // namespace modelfs
