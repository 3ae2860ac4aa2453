#include "control/dispatcher.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "base/names.h"
#include "control/fields.h"

namespace modelfs {
namespace {

constexpr auto kProgressPeriod = std::chrono::milliseconds(100);

Status is_read_only(const ServedAt& place) {
  if (place.mount_point.empty()) return {Code::Immutable, "the store lies on a read-only disk; nothing is changed"};
  return {Code::Immutable, printable(place.mount_point) +
                               " is mounted read-only (`-o ro`); mount it without that to change what is in the store"};
}

}  // namespace

struct Dispatcher::NamedVerb {
  // Whether it may change the store: one that does is refused where system calls are.
  enum class Effect { Reads, Changes };

  std::string_view name;
  Effect effect;
  Verb verb;
};

const std::vector<Dispatcher::NamedVerb>& Dispatcher::verbs() {
  using Effect = NamedVerb::Effect;
  static const std::vector<NamedVerb> kVerbs{
      {"hello", Effect::Reads, &Dispatcher::hello},
      {"domains", Effect::Reads, &Dispatcher::domains},
      {"releases", Effect::Reads, &Dispatcher::releases},
      {"removed", Effect::Reads, &Dispatcher::removed},
      {"labels", Effect::Reads, &Dispatcher::labels},
      {"states", Effect::Reads, &Dispatcher::states},
      {"history", Effect::Reads, &Dispatcher::history},
      {"show", Effect::Reads, &Dispatcher::show},
      {"files", Effect::Reads, &Dispatcher::files},
      {"open", Effect::Reads, &Dispatcher::open_package},
      {"read", Effect::Reads, &Dispatcher::read},
      {"archive.open", Effect::Reads, &Dispatcher::open_archive},
      {"archive.read", Effect::Reads, &Dispatcher::read_archive_bytes},
      {"put.begin", Effect::Changes, &Dispatcher::put_begin},
      {"put.entries", Effect::Changes, &Dispatcher::put_entries},
      {"put.data", Effect::Changes, &Dispatcher::put_data},
      {"put.commit", Effect::Changes, &Dispatcher::put_commit},
      {"put.abort", Effect::Changes, &Dispatcher::put_abort},
      {"commit", Effect::Changes, &Dispatcher::commit},
      {"label.set", Effect::Changes, &Dispatcher::set_label},
      {"label.rollback", Effect::Changes, &Dispatcher::roll_back_label},
      {"label.remove", Effect::Changes, &Dispatcher::remove_label},
      {"state.set", Effect::Changes, &Dispatcher::set_state},
      {"state.clear", Effect::Changes, &Dispatcher::clear_state},
      {"remove", Effect::Changes, &Dispatcher::remove},
      {"restore", Effect::Changes, &Dispatcher::restore},
      {"purge", Effect::Changes, &Dispatcher::purge},
      {"trash.empty", Effect::Changes, &Dispatcher::empty_trash},
      {"du", Effect::Reads, &Dispatcher::space_use},
      {"prune", Effect::Changes, &Dispatcher::prune},
      {"status", Effect::Reads, &Dispatcher::status},
      {"verify", Effect::Reads, &Dispatcher::verify},
      {"gc", Effect::Changes, &Dispatcher::collect_garbage},
      {"sweep", Effect::Changes, &Dispatcher::sweep_bucket},
  };
  return kVerbs;
}

Dispatcher::Dispatcher(ControlContext& context, Credentials who, Ready ready)
    : context_(context), who_(std::move(who)), ready_(std::move(ready)) {}

Dispatcher::~Dispatcher() = default;

std::function<Status(std::uint64_t, std::uint64_t)> Dispatcher::progress_through(const Emit& emit) const {
  const auto start = std::chrono::steady_clock::now();
  return [this, &emit, next = start](std::uint64_t done_bytes, std::uint64_t total_bytes) mutable -> Status {
    if (context_.stopping) return {Code::Interrupted, "the daemon is being stopped"};
    const auto moment = std::chrono::steady_clock::now();
    if (moment < next || !ready_()) return {};
    next = moment + kProgressPeriod;
    Message part;
    part.body["progress"] = {{"done_bytes", done_bytes}, {"total_bytes", total_bytes}};
    return emit(std::move(part));
  };
}

Message Dispatcher::handle(Message request, const Emit& emit) {
  try {
    const std::string name = text_field(request.body, "verb");
    const auto& all = verbs();
    const auto found = std::find_if(all.begin(), all.end(), [&](const NamedVerb& verb) { return verb.name == name; });
    if (found == all.end()) {
      return failure({Code::Unsupported, "the daemon does not know the request '" + printable(name) +
                                             "'; it is older than this command: restart it"});
    }
    if (found->effect == NamedVerb::Effect::Changes && context_.registry.is_read_only())
      return failure(is_read_only(context_.place));
    const Emit emit_part = [&emit](Message part) {
      part.body["part"] = true;
      return emit(std::move(part));
    };
    Answer answer = (this->*found->verb)(request, emit_part);
    return answer.ok() ? *std::move(answer) : failure(answer.status());
  } catch (const BadField& problem) {
    return failure({Code::Malformed, std::string("malformed request: ") + problem.what()});
  } catch (const nlohmann::json::exception& problem) {
    return failure({Code::Malformed, std::string("malformed request: ") + problem.what()});
  } catch (const std::exception& problem) {  // no memory, no thread: this request fails, not the daemon
    return failure({Code::Internal, std::string("the request failed: ") + problem.what()});
  }
}

}  // namespace modelfs
