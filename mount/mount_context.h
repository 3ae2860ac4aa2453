// What the operations of a mount work on.
#pragma once

namespace modelfs {

class FileSystem;
class Passthrough;
class RequestMetrics;
class ThreadPool;

// What operations work on: the userdata of the session. Outlives every request.
struct MountContext {
  FileSystem& files;
  ThreadPool& slow;  // runs what may take long
  Passthrough& passthrough;
  RequestMetrics& counts;
};

}  // namespace modelfs
