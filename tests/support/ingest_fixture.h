// A registry in a temporary directory, and what clients and archives come in by.
#pragma once
#include <memory>
#include <utility>

#include "ingest/ingest.h"
#include "support/registry_fixture.h"

namespace modelfs {

class IngestFixture : public RegistryFixture {
 protected:
  void open(Engine engine) override {
    ASSERT_NO_FATAL_FAILURE(RegistryFixture::open(std::move(engine)));
    auto opened = Ingest::open(*registry_);
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    ingest_ = std::move(*opened);
  }

  std::unique_ptr<Ingest> ingest_;  // after the registry: goes first
};

}  // namespace modelfs
