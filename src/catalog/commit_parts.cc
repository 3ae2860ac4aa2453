#include "catalog/commit_parts.h"

#include "base/names.h"
#include "catalog/keys.h"

namespace modelfs {
namespace {

// The part into which a key or an erased prefix belongs. Why its first byte tells it of a prefix, too: every key that
// begins with it has that byte.
Result<keys::Life> life_in(std::string_view key, const char* what) {
  if (const auto life = keys::life_of(key)) return *life;
  return Status(Code::Internal, std::string("a commit ") + what + " '" + printable(key.substr(0, 64)) +
                                    "', which is of no kind: it would be neither shared nor this host's");
}

// Calls `take` with each change of a list, and whose it is.
template <class List, class KeyOf, class Take>
Status each(const List& list, const char* what, const KeyOf& key_of, const Take& take) {
  for (const auto& change : list) {
    const auto life = life_in(key_of(change), what);
    if (!life.ok()) return life.status();
    take(*life, change);
  }
  return {};
}

template <class Into>
Status walk(const Batch& batch, const Into& into) {
  const auto key_of = [](const auto& change) -> std::string_view { return change.key; };
  const auto itself = [](const std::string& key) -> std::string_view { return key; };
  const auto add_to = [&into](auto Batch::*list) {
    return [&into, list](keys::Life life, const auto& change) { into(life, list, change); };
  };
  Status status = each(batch.expectations, "expects", key_of, add_to(&Batch::expectations));
  if (status.ok()) status = each(batch.erases, "erases", itself, add_to(&Batch::erases));
  if (status.ok())
    status = each(batch.erase_prefixes, "erases all that begins with", itself, add_to(&Batch::erase_prefixes));
  if (status.ok()) status = each(batch.puts, "puts", key_of, add_to(&Batch::puts));
  return status;
}

}  // namespace

Result<CommitParts> split(const Batch& batch) {
  CommitParts parts;
  const Status status = walk(batch, [&parts](keys::Life life, auto list, const auto& change) {
    ((life == keys::Life::Shared ? parts.shared : parts.host).*list).push_back(change);
  });
  if (!status.ok()) return status;
  return parts;
}

Status check_lives(const Batch& batch) {
  return walk(batch, [](keys::Life, auto, const auto&) {});
}

Batch without_expectations(Batch host) {
  host.expectations.clear();
  return host;
}

}  // namespace modelfs
