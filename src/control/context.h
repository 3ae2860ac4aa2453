// What all connections to one store share.
#pragma once
#include <atomic>
#include <cstdint>

#include "control/hooks.h"
#include "ingest/archive_upload.h"
#include "registry/registry.h"

namespace modelfs {

// Safe for concurrent use. `registry`, `archives` and what the hooks refer to outlive it.
struct ControlContext {
  ControlContext(Registry& of, ArchiveUploads& archives_of, Hooks hooks_of, ServedAt place_of)
      : registry(of), archives(archives_of), hooks(std::move(hooks_of)), place(std::move(place_of)) {}

  Registry& registry;
  ArchiveUploads& archives;
  const Hooks hooks;
  const ServedAt place;
  std::atomic<bool> stopping{false};   // long work ends with Interrupted at the next chance
  std::atomic<std::uint64_t> puts{0};  // gives each put's draft a unique name

  void domain_changed(const DomainName& domain) const {
    if (hooks.on_domain_changed) hooks.on_domain_changed(domain);
  }
  void moved_away(Ino directory, const std::string& name) const {
    if (hooks.on_moved_away) hooks.on_moved_away(directory, name);
  }
};

// The ownership of the registry itself: the store's owner, with the mode of the mount's root. Publish on it is the
// right to make a domain.
Ownership ownership_of_store(const Registry& registry);

// Ok for root and the store's owner, for what concerns all domains at once. Else Denied; `what` names the operation.
Status authorise_store_owner(const Registry& registry, const Credentials& who, std::string_view what);

}  // namespace modelfs
