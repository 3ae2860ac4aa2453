// Which requests a store that is served read-only answers.
#include "store_fixture.h"

namespace modelfs {
namespace {

class ReadOnlyVerbs : public StoreFixture {
 protected:
  ReadOnlyVerbs() { open_empty_for_reading(); }
};

TEST_F(ReadOnlyVerbs, ThatChangeAreRefused) {
  const auto channel = talk(root());
  constexpr const char* kChanging[] = {"put.begin",      "put.entries", "put.data",     "put.commit",  "put.abort",
                                       "commit",         "label.set",   "label.remove", "state.set",   "state.clear",
                                       "remove",         "restore",     "purge",        "trash.empty", "prune",
                                       "label.rollback", "gc"};

  for (const char* verb : kChanging) {
    const auto answer = channel->call(Channel::request(verb));
    EXPECT_EQ(answer.code(), Code::Immutable) << verb << ": " << answer.status().message();
    EXPECT_NE(answer.status().message().find("/m is mounted read-only (`-o ro`)"), std::string::npos) << verb;
  }
}

TEST_F(ReadOnlyVerbs, ThatReadAreAnswered) {
  const auto channel = talk(root());

  for (const char* verb : {"hello", "domains", "releases", "removed", "labels", "states", "history", "show", "files",
                           "open", "read", "archive.open", "archive.read", "status", "du", "verify"}) {
    const auto answer = channel->call(Channel::request(verb), [](const Message&) { return Status(); });
    EXPECT_NE(answer.code(), Code::Immutable) << verb << ": " << answer.status().message();
  }
}

}  // namespace
}  // namespace modelfs
