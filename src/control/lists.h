// Sending a list in parts of a bounded size.
#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/names.h"
#include "catalog/snapshot.h"
#include "control/dispatcher.h"

namespace modelfs {

// How much one message of a list may hold, by weight_of(). Half of what fits, so that the last item fits too.
inline constexpr std::size_t kPartWeightMax = kFrameBytesMax / 2;

// At least as many bytes as the item takes in JSON: a control character in a file's name becomes six.
inline std::size_t weight_of(const nlohmann::json& item) {
  std::size_t weight = 1024;
  for (const nlohmann::json& value : item) {
    if (value.is_string()) weight += 6 * value.get_ref<const std::string&>().size();
    if (value.is_array()) weight += 8 * kNameBytesMax * value.size();  // labels
  }
  return weight;
}

// Sends parts {"items": […]}; `item(i)` makes the i-th document, so that only one part's documents exist at a time.
template <class Item>
Status emit_list(std::size_t count, const Dispatcher::Emit& emit, Item item) {
  Message part;
  std::size_t weight = 0;
  for (std::size_t i = 0; i < count; ++i) {
    nlohmann::json document = item(i);
    weight += weight_of(document);
    part.body["items"].push_back(std::move(document));
    if (weight < kPartWeightMax && i + 1 < count) continue;
    if (Status status = emit(std::move(part)); !status.ok()) return status;
    part = Message();
    weight = 0;
  }
  return {};
}

// Versions of a domain and the labels that name them.
using LabelsByVersion = std::multimap<std::string, std::string>;
Result<LabelsByVersion> labels_by_version(const Snapshot& snapshot, const DomainName& domain);
// The labels of `version`, as a list.
nlohmann::json labels_of(const LabelsByVersion& labels, const std::string& version);

}  // namespace modelfs
