#include "control/server.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "control/channel.h"
#include "control/open_socket.h"
#include "control/peer.h"
#include "store_fixture.h"

namespace modelfs {
namespace {

class Server : public StoreFixture {
 protected:
  Server() { start(); }
  ~Server() override { server_.reset(); }

  void start() {
    server_ =
        std::move(*ControlServer::start(*registry_, ingest_->archives, directory_.fd(), {}, {"memory", "/m", "an-id"}));
  }
  std::unique_ptr<Channel> connect() {
    auto channel = connect_to_daemon(directory_.fd());
    EXPECT_TRUE(channel.ok()) << channel.status().message();
    return channel.ok() ? std::move(*channel) : nullptr;
  }
  File connect_raw() {
    File socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un address = socket_address(directory_.fd());
    EXPECT_EQ(::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return socket;
  }
  // Waits for the daemon to have noticed that a client is gone.
  bool drafts_go_away() {
    for (int tries = 0; tries < 500 && draft_count() > 0; ++tries)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return draft_count() == 0;
  }
  // Runs `work` as another user in another process; returns its exit code.
  template <class Work>
  static int as_user(uid_t uid, Work work) {
    const pid_t child = ::fork();
    if (child == 0) {
      const gid_t extra = 4242;
      const bool changed =
          ::setgroups(1, &extra) == 0 && ::setresgid(uid, uid, uid) == 0 && ::setresuid(uid, uid, uid) == 0;
      ::_exit(changed ? work() : 99);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  std::unique_ptr<ControlServer> server_;
};

TEST_F(Server, AnswersAndPublishes) {
  const auto channel = connect();
  const auto hello = channel->call(Channel::request("hello", {{"protocol", kProtocolVersion}}));
  ASSERT_TRUE(hello.ok());
  EXPECT_EQ(hello->body["mount_point"], "/m");

  EXPECT_TRUE(put(*channel, "churn/1", "hello").ok());
}

TEST_F(Server, TakesDescriptors) {
  const std::string bytes(3 << 20, 'x');
  const auto channel = connect();
  ASSERT_TRUE(channel->call(Channel::request("put.begin", {{"target", "churn/1"}})).ok());
  ASSERT_TRUE(channel->call(entry_with_descriptor("a", bytes.size(), source("a", bytes))).ok());

  const auto answer = channel->call(Channel::request("put.commit", {{"mode", 0755}, {"mtime_ns", 1}}));

  ASSERT_TRUE(answer.ok()) << answer.status().message();
  EXPECT_EQ(answer->body["published"]["bytes"], bytes.size());
}

TEST_F(Server, RemovesTheDraftOfAClientThatWentAway) {
  {
    const auto channel = connect();
    ASSERT_TRUE(channel->call(Channel::request("put.begin", {{"target", "churn/1"}})).ok());
    ASSERT_EQ(draft_count(), 1u);
  }

  EXPECT_TRUE(drafts_go_away());
}

TEST_F(Server, EndsTheConversationOfWhoSendsGarbageAndNoOther) {
  const auto other = connect();
  const File garbage = connect_raw();
  const std::string noise(100, '\xff');
  ASSERT_EQ(::send(garbage.fd(), noise.data(), noise.size(), MSG_NOSIGNAL), 100);

  char byte = 0;
  EXPECT_LE(::recv(garbage.fd(), &byte, 1, 0), 0);
  EXPECT_TRUE(other->call(Channel::request("status")).ok());
}

TEST_F(Server, IsNotHeldUpByAClientThatSaysNothing) {
  const File silent = connect_raw();
  const File half = connect_raw();
  ASSERT_EQ(::send(half.fd(), "\0\0", 2, 0), 2);

  EXPECT_TRUE(connect()->call(Channel::request("status")).ok());
}

TEST_F(Server, StopsWhileClientsAreConnected) {
  const File silent = connect_raw();
  const auto channel = connect();
  ASSERT_TRUE(channel->call(Channel::request("put.begin", {{"target", "churn/1"}})).ok());

  server_.reset();

  EXPECT_EQ(channel->call(Channel::request("status")).code(), Code::IoError);
  EXPECT_EQ(draft_count(), 0u);
  EXPECT_EQ(connect_to_daemon(directory_.fd()).code(), Code::NotFound);
}

TEST_F(Server, ReplacesASocketThatADeadDaemonLeft) {
  server_.reset();
  ASSERT_EQ(::mknodat(directory_.fd(), kControlSocketName, S_IFSOCK | 0600, 0), 0);

  start();

  EXPECT_TRUE(connect()->call(Channel::request("status")).ok());
}

TEST_F(Server, LetsClientsBeyondItsBoundWaitForTheirTurn) {
  std::vector<File> crowd;
  for (unsigned i = 0; i < ControlServer::kConnectionsMax; ++i) crowd.push_back(connect_raw());
  std::thread late([&] { EXPECT_TRUE(connect()->call(Channel::request("status")).ok()); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));

  crowd.pop_back();

  late.join();
}

TEST_F(Server, JudgesByTheIdsOfTheProcessThatConnected) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to be somebody else";
  ASSERT_TRUE(registry_->domains().create(*DomainName::parse("team"), {0, 4242, 0775}, root()).ok());
  ASSERT_TRUE(registry_->domains().create(*DomainName::parse("private"), {0, 0, 0700}, root()).ok());
  ASSERT_EQ(::chmod(directory_.path().c_str(), 0711), 0);

  const int code = as_user(1001, [&] {
    auto channel = connect_to_daemon(directory_.fd());
    if (!channel.ok()) return 1;
    if (put(**channel, "private/1", "x").code() != Code::Denied) return 2;
    if (put(**channel, "mine/1", "x").code() != Code::Denied) return 3;
    return put(**channel, "team/1", "x").ok() ? 0 : 4;  // through a supplementary group
  });

  EXPECT_EQ(code, 0);
}

TEST_F(Server, CannotBeReachedThroughAPrivateDirectory) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to be somebody else";
  const int code = as_user(1001, [&] { return connect_to_daemon(directory_.fd()).code() == Code::Denied ? 0 : 1; });

  EXPECT_EQ(code, 0);
}

TEST_F(Server, BoundsTheConversationsOfOneUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to be somebody else";
  ASSERT_EQ(::chmod(directory_.path().c_str(), 0711), 0);

  const int code = as_user(1001, [&] {
    std::vector<std::unique_ptr<Channel>> crowd;
    for (unsigned i = 0; i < ControlServer::kConnectionsPerUserMax; ++i) {
      auto channel = connect_to_daemon(directory_.fd());
      if (!channel.ok()) return 1;
      crowd.push_back(std::move(*channel));
    }
    return connect_to_daemon(directory_.fd()).code() == Code::Busy ? 0 : 2;
  });

  EXPECT_EQ(code, 0);
  EXPECT_TRUE(connect()->call(Channel::request("status")).ok());
}

TEST_F(Server, AnswersOthersOnASocketThatLiesElsewhere) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make that socket";
  const TemporaryDirectory elsewhere;
  ASSERT_EQ(::chmod(elsewhere.path().c_str(), 0755), 0);
  const std::string path = open_socket_path("0:53", elsewhere.path() + "/modelfs");
  ASSERT_TRUE(server_->serve_others(path).ok());

  const int code = as_user(1000, [&] {
    const auto channel = connect_to_open_daemon(path);
    if (!channel.ok()) return 1;
    return (*channel)->call(Channel::request("gc")).code() == Code::Denied ? 0 : 2;
  });

  EXPECT_EQ(code, 0);
  server_.reset();
  EXPECT_EQ(connect_to_open_daemon(path).code(), Code::NotFound);
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
}

TEST(OpenSockets, AreMadeWhereOnlyRootMayWrite) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make that socket";
  const TemporaryDirectory elsewhere;
  ASSERT_EQ(::chmod(elsewhere.path().c_str(), 01777), 0);

  EXPECT_EQ(OpenSocket::listen(elsewhere.path() + "/0-1.sock", 1).code(), Code::Denied);
}

TEST(OpenSockets, ReplaceWhatIsLeftAndLeaveWhatReplacedThem) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make that socket";
  const TemporaryDirectory elsewhere;
  const std::string path = open_socket_path("0:1", elsewhere.path() + "/modelfs");
  auto first = OpenSocket::listen(path, 1);
  ASSERT_TRUE(first.ok()) << first.status().message();
  auto second = OpenSocket::listen(path, 1);
  ASSERT_TRUE(second.ok()) << second.status().message();

  *first = OpenSocket();

  EXPECT_TRUE(connect_to_open_socket(path).ok());
  *second = OpenSocket();
  EXPECT_EQ(connect_to_open_socket(path).code(), Code::NotFound);
}

}  // namespace
}  // namespace modelfs
