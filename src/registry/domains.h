// Domains: made, removed, given to others.
#pragma once
#include "base/names.h"
#include "base/status.h"
#include "base/types.h"
#include "registry/core.h"

namespace modelfs {

// Safe for concurrent use.
class Domains {
 public:
  explicit Domains(RegistryCore& core) : core_(core) {}

  // The record of a domain now.
  Result<DomainRecord> find(const DomainName& name) const;
  // AlreadyExists; the name's own codes; AlreadyExists too where a draft lies under the name.
  Result<DomainRecord> create(const DomainName& name, const Ownership& owner, const Credentials& who);
  // NotEmpty: it has releases, labels, drafts or tombstones (which stay for ever).
  Status remove(const DomainName& name, const Credentials& who);
  // chmod and chown. NotPermitted unless `who` owns it.
  Result<DomainRecord> set_owner(const DomainName& name, const Ownership& owner, const Credentials& who);

 private:
  // What remove() commits. NotEmpty.
  Status prepare_removal(const DomainName& name, Batch& batch);

  RegistryCore& core_;
};

}  // namespace modelfs
