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
  // AlreadyExists; the name's own codes; AlreadyExists too where a draft lies under the name. A domain that was removed
  // and has left something goes on with its history, tombstones and trash. NotPermitted: it was somebody else's.
  Result<DomainRecord> create(const DomainName& name, const Ownership& owner, const Credentials& who);
  // NotEmpty: it has releases, labels or drafts. What it has in its trash stays there, and so do its history and
  // tombstones, for a domain that is made again under the name: a version names one content for ever. A domain in which
  // nothing was ever published leaves nothing.
  Status remove(const DomainName& name, const Credentials& who);
  // chmod and chown. NotPermitted unless `who` owns it.
  Result<DomainRecord> set_owner(const DomainName& name, const Ownership& owner, const Credentials& who);

 private:
  // What remove() commits. NotEmpty.
  Status prepare_removal(const DomainName& name, const Credentials& who, Batch& batch, HistoryRecord& deed);
  Status check_empty(const Snapshot& stored, const DomainName& name, const DomainRecord& head);
  // The number of the last commit of a removed domain of that name; `batch` ends what is kept for it. NotPermitted.
  Result<Sequence> take_up(const DomainName& name, const Credentials& who, Batch& batch);

  RegistryCore& core_;
};

}  // namespace modelfs
