// What is published under a name.
#pragma once
#include <string_view>

#include "layout/layout.h"
#include "registry/registry.h"

namespace modelfs {

// What a Release, Generation or Archive that is made in `parent` becomes; `version` where it is no generation. The
// names' own codes; as LayoutMount::containers.
Result<Target> create_target(const LayoutMount& mount, const Node& parent, const CreateRule& rule, bool is_generation,
                             std::string_view version);

}  // namespace modelfs
