// One client's connection to a registry: requests in, answers out. Used by the socket's server and by the command
// without a daemon.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "control/context.h"
#include "control/message.h"
#include "control/put_session.h"

namespace modelfs {

// Used by one thread at a time. Every request is checked by authorise() with the client's credentials. It throws
// nothing. `context` outlives it.
class Dispatcher {
 public:
  // Sends a part of an answer that has several messages. Not ok: the client is gone, the answer ends.
  using Emit = std::function<Status(Message part)>;
  // Whether the client can take a message now: progress is skipped while the client does not read.
  using Ready = std::function<bool()>;

  Dispatcher(ControlContext& context, Credentials who, Ready ready);
  // Whatever the client left unfinished is removed.
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  // The answer to {"verb": …, …}: a body with what was asked, or with "error". Immutable: it would change the store,
  // and the registry is read-only.
  Message handle(Message request, const Emit& emit);

 private:
  using Answer = Result<Message>;
  using Verb = Answer (Dispatcher::*)(Message& request, const Emit& emit);
  struct NamedVerb;
  static const std::vector<NamedVerb>& verbs();

  // Sends {"progress": {done, total}} through `emit`, now and then. Interrupted: the daemon is being stopped.
  std::function<Status(std::uint64_t done_bytes, std::uint64_t total_bytes)> progress_through(const Emit& emit) const;

  // Reading: read_verbs.cc.
  Answer hello(Message& request, const Emit& emit);
  Answer domains(Message& request, const Emit& emit);
  Answer releases(Message& request, const Emit& emit);
  Answer removed(Message& request, const Emit& emit);
  Answer labels(Message& request, const Emit& emit);
  Answer states(Message& request, const Emit& emit);
  Answer history(Message& request, const Emit& emit);
  Answer show(Message& request, const Emit& emit);
  Answer files(Message& request, const Emit& emit);
  Answer open_package(Message& request, const Emit& emit);
  Answer read(Message& request, const Emit& emit);

  // Archives: archive_verbs.cc.
  Answer open_archive(Message& request, const Emit& emit);
  Answer read_archive_bytes(Message& request, const Emit& emit);

  // Changing: change_verbs.cc.
  Answer put_begin(Message& request, const Emit& emit);
  Answer put_entries(Message& request, const Emit& emit);
  Answer put_data(Message& request, const Emit& emit);
  Answer put_commit(Message& request, const Emit& emit);
  Answer put_abort(Message& request, const Emit& emit);
  Answer commit(Message& request, const Emit& emit);
  Answer committed_before(const Message& request, const std::string& path, const Status& missing);
  Answer set_label(Message& request, const Emit& emit);
  Answer roll_back_label(Message& request, const Emit& emit);
  Answer label_answer(const DomainName& domain, const std::string& label, const Result<LabelRecord>& set);
  Answer remove_label(Message& request, const Emit& emit);
  Answer set_state(Message& request, const Emit& emit);
  Answer clear_state(Message& request, const Emit& emit);
  using ChangeState = Status (ModelStates::*)(const DomainName&, std::string_view, std::string_view,
                                              const Credentials&);
  Answer change_state(const Message& request, ChangeState change);
  Answer remove(Message& request, const Emit& emit);
  Answer restore(Message& request, const Emit& emit);

  // Giving space back: space_verbs.cc.
  Answer remove_domain(const DomainName& domain);
  Answer purge(Message& request, const Emit& emit);
  Answer empty_trash(Message& request, const Emit& emit);
  Answer space_use(Message& request, const Emit& emit);
  Answer prune(Message& request, const Emit& emit);

  // Looking after the store: care_verbs.cc.
  Answer status(Message& request, const Emit& emit);
  Answer verify(Message& request, const Emit& emit);
  Answer collect_garbage(Message& request, const Emit& emit);
  Answer sweep_bucket(Message& request, const Emit& emit);

  ControlContext& context_;
  const Credentials who_;
  const Ready ready_;
  std::unique_ptr<PutSession> put_;
  std::vector<std::shared_ptr<const Manifest>> opened_;  // what open_package() gave out numbers of
  std::shared_ptr<const ContentReader> archive_;         // what open_archive() opened
};

}  // namespace modelfs
