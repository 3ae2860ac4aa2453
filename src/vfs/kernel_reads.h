// What a mount may ask of the kernel's side of it, so that bytes that never change need not pass through the daemon.
#pragma once
#include <cstdint>
#include <string>

namespace modelfs {

// A file that the kernel reads by itself.
enum class Backing : std::int32_t {};
inline constexpr Backing kNoBacking{0};  // the daemon serves the bytes

// How committed files are read where that is possible: by the kernel itself, or through the daemon.
struct ReadMode {
  bool by_kernel = false;
  std::string reason;  // why not, and what would help; empty where by_kernel

  const char* name() const { return by_kernel ? "passthrough" : "daemon"; }
};

// Safe for concurrent use; waits for no request.
class KernelReads {
 public:
  virtual ~KernelReads() = default;
  // Registers the regular file behind `descriptor`, which need not stay open, as a backing file of the kernel.
  // kNoBacking: refused; that is not an error, the daemon serves the file.
  virtual Backing register_backing(int descriptor) = 0;
  // Once for what lend() gave, when no open of the node is left.
  virtual void unregister_backing(Backing backing) = 0;
  virtual ReadMode mode() const = 0;
  // Whether a file that is written without pages of the kernel (FOPEN_DIRECT_IO) can be mapped by others.
  virtual bool maps_direct_files() const = 0;
};

}  // namespace modelfs
