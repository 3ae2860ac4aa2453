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

}  // namespace

struct Dispatcher::NamedVerb {
  std::string_view name;
  Verb verb;
};

const std::vector<Dispatcher::NamedVerb>& Dispatcher::verbs() {
  static const std::vector<NamedVerb> kVerbs{
      {"hello", &Dispatcher::hello},
      {"domains", &Dispatcher::domains},
      {"releases", &Dispatcher::releases},
      {"removed", &Dispatcher::removed},
      {"labels", &Dispatcher::labels},
      {"states", &Dispatcher::states},
      {"history", &Dispatcher::history},
      {"show", &Dispatcher::show},
      {"files", &Dispatcher::files},
      {"open", &Dispatcher::open_package},
      {"read", &Dispatcher::read},
      {"archive.open", &Dispatcher::open_archive},
      {"archive.read", &Dispatcher::read_archive_bytes},
      {"put.begin", &Dispatcher::put_begin},
      {"put.entries", &Dispatcher::put_entries},
      {"put.data", &Dispatcher::put_data},
      {"put.commit", &Dispatcher::put_commit},
      {"put.abort", &Dispatcher::put_abort},
      {"commit", &Dispatcher::commit},
      {"label.set", &Dispatcher::set_label},
      {"label.remove", &Dispatcher::remove_label},
      {"state.set", &Dispatcher::set_state},
      {"state.clear", &Dispatcher::clear_state},
      {"remove", &Dispatcher::remove},
      {"restore", &Dispatcher::restore},
      {"status", &Dispatcher::status},
      {"verify", &Dispatcher::verify},
      {"gc", &Dispatcher::collect_garbage},
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
