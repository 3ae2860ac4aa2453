#include "registry/history_check.h"

#include <map>

#include "catalog/keys.h"

namespace modelfs {
namespace {

constexpr std::string_view kHistoryPrefix = "h/";
constexpr std::size_t kSequenceBytes = 8;

// What the history records of one domain say.
struct Found {
  std::uint64_t head = 0;       // the last commit, as its domain record says it; 0: there is none
  std::uint64_t next = 1;       // the first number that was not seen
  std::uint64_t missing = 0;    // how many are not there before the last that is
  std::uint64_t first_gap = 0;  // the first of these
  std::string damaged;          // why one cannot be read

  void add(std::uint64_t sequence) {
    if (sequence > next) skip_to(sequence);
    next = sequence + 1;
  }
  void skip_to(std::uint64_t sequence) {
    if (missing == 0) first_gap = next;
    missing += sequence - next;
    next = sequence;
  }
};

std::uint64_t number_of(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

std::string describe(const std::string& domain, Found& found) {
  if (found.head == 0) return domain + ": it has a history and no record of its own";
  if (!found.damaged.empty()) return domain + ": " + found.damaged;
  if (found.next > found.head + 1) {
    return domain + ": its record says that commit " + std::to_string(found.head) + " is the last, and " +
           std::to_string(found.next - 1) + " is there";
  }
  found.skip_to(found.head + 1);
  if (found.missing == 0) return "";
  return domain + ": of its " + std::to_string(found.head) + " commits " + std::to_string(found.missing) +
         (found.missing == 1 ? " is" : " are") + " missing, the first is number " + std::to_string(found.first_gap);
}

}  // namespace

Result<std::vector<std::string>> find_lost_history(const Snapshot& stored) {
  std::map<std::string, Found, std::less<>> domains;
  const auto note_head = [&](const DomainName& domain, const DomainRecord& head) {
    domains[domain.str()].head = raw(head.last);
    return true;
  };
  Status status = stored.for_each_domain(note_head);
  if (status.ok()) status = stored.for_each_removed_domain(note_head);
  if (!status.ok()) return status;
  status = stored.keys().scan(kHistoryPrefix, "", [&](std::string_view key, std::string_view value) {
    key.remove_prefix(kHistoryPrefix.size());
    if (key.size() <= kSequenceBytes) return true;  // no key of ours
    const std::uint64_t sequence = number_of(key.substr(key.size() - kSequenceBytes));
    key.remove_suffix(kSequenceBytes + 1);  // and the NUL
    auto found = domains.find(key);
    if (found == domains.end()) found = domains.emplace(key, Found()).first;
    found->second.add(sequence);
    const auto record = HistoryRecord::decode(value);
    if (!record.ok()) found->second.damaged = "commit " + std::to_string(sequence) + ": " + record.status().message();
    return true;
  });
  if (!status.ok()) return status;
  std::vector<std::string> problems;
  for (auto& [domain, found] : domains) {
    if (std::string problem = describe(domain, found); !problem.empty()) problems.push_back(std::move(problem));
  }
  return problems;
}

}  // namespace modelfs
