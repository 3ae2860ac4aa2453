// A registry in a temporary directory, with the memory engine, and conversations with it.
#pragma once
#include <fcntl.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/file.h"
#include "control/channel.h"
#include "control/context.h"
#include "control/put_session.h"
#include "engine/memory/memory_engine.h"
#include "ingest/ingest.h"
#include "registry/registry.h"
#include "support/temporary_directory.h"

namespace modelfs {

class StoreFixture : public testing::Test {
 protected:
  StoreFixture() { open({}, ""); }
  ~StoreFixture() override { close(); }

  void open(const Registry::Options& options, const std::string& mount_point) {
    registry_ = std::move(*Registry::open(make_memory_engine(), directory_.fd(), options));
    ingest_ = std::move(*Ingest::open(*registry_));
    Hooks hooks;
    hooks.on_published = [this](const Published&) { ++published_calls_; };
    hooks.on_domain_changed = [this](const DomainName&) { ++changed_calls_; };
    context_ =
        std::make_unique<ControlContext>(*registry_, ingest_->archives, hooks, ServedAt{"memory", mount_point, ""});
  }
  void close() {
    context_.reset();
    ingest_.reset();
    registry_.reset();
  }

  static Credentials root() { return {0, 0, 1, {}}; }
  static Credentials user(uid_t uid) { return {uid, uid, 1, {}}; }
  std::unique_ptr<Channel> talk(const Credentials& who) { return converse_with(*context_, who); }

  // An empty store, opened as `modelfs mount -o ro` opens one.
  void open_empty_for_reading() {
    close();
    open({.read_only = true}, "/m");
  }

  // A file in the temporary directory, open for reading.
  File source(const std::string& name, std::string_view bytes) {
    auto file = open_at(AT_FDCWD, directory_.path() + "/" + name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    EXPECT_TRUE(write_at(file->fd(), 0, bytes_of(bytes)).ok());
    return std::move(*file);
  }

  // Publishes one file "a" with `bytes`.
  Result<Message> put(Channel& channel, const std::string& target, const std::string& bytes) {
    if (auto begun = channel.call(Channel::request("put.begin", {{"target", target}})); !begun.ok()) return begun;
    if (auto added = channel.call(entry_with_bytes("a", bytes)); !added.ok()) return added;
    return channel.call(Channel::request("put.commit", {{"mode", 0755}, {"mtime_ns", 1}}));
  }
  static nlohmann::json file_entry(const std::string& name, std::uint64_t size, const std::string& content) {
    return {{"type", "file"}, {"in", 0},      {"name", name},      {"mode", 0644},
            {"mtime_ns", 5},  {"size", size}, {"content", content}};
  }
  static Message entry_with_bytes(const std::string& name, const std::string& bytes) {
    Message message = Channel::request("put.entries",
                                       {{"entries", nlohmann::json::array({file_entry(name, bytes.size(), "bytes")})}});
    message.bytes = bytes;
    return message;
  }
  static Message entry_with_descriptor(const std::string& name, std::uint64_t size, File file) {
    Message message =
        Channel::request("put.entries", {{"entries", nlohmann::json::array({file_entry(name, size, "descriptor")})}});
    message.descriptors.push_back(std::move(file));
    return message;
  }

  // Of drafts that are still being written, without what commits have left for the sweep.
  std::size_t draft_count() {
    EXPECT_TRUE(registry_->garbage().finish_sweeping().ok());
    return registry_->draft_list().list(std::nullopt)->size();
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<Ingest> ingest_;
  std::unique_ptr<ControlContext> context_;
  int published_calls_ = 0;
  int changed_calls_ = 0;
};

}  // namespace modelfs
