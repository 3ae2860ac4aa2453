#include "control/dispatcher.h"

#include <algorithm>
#include <utility>

#include "base/names.h"
#include "control/fields.h"

namespace modelfs {

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
      {"history", &Dispatcher::history},
      {"show", &Dispatcher::show},
      {"files", &Dispatcher::files},
      {"open", &Dispatcher::open_package},
      {"read", &Dispatcher::read},
      {"put.begin", &Dispatcher::put_begin},
      {"put.entries", &Dispatcher::put_entries},
      {"put.data", &Dispatcher::put_data},
      {"put.commit", &Dispatcher::put_commit},
      {"put.abort", &Dispatcher::put_abort},
      {"commit", &Dispatcher::commit},
      {"label.set", &Dispatcher::set_label},
      {"label.remove", &Dispatcher::remove_label},
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
    return failure({Code::Malformed, std::string("a request that makes no sense: ") + problem.what()});
  } catch (const nlohmann::json::exception& problem) {
    return failure({Code::Malformed, std::string("a request that makes no sense: ") + problem.what()});
  }
}

}  // namespace modelfs
