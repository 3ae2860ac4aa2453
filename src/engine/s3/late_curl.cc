// libcurl, loaded when the first bucket is asked. Why not linked: it brings 27 more libraries, and whoever has no
// bucket would wait for them at each command. What is defined here has the names and contracts of curl/curl.h.
#include <curl/curl.h>
#include <dlfcn.h>

#include <cstdarg>
#include <cstdlib>

#include "base/log.h"

// curl.h has macros of these names.
#undef curl_easy_setopt
#undef curl_easy_getinfo

namespace modelfs {
namespace {

constexpr const char* kCurlLibrary = "libcurl.so.4";  // its ABI since 2006; source: libcurl's own ABI policy

// Null where there is none; said once.
void* curl_library() {
  static void* const library = [] {
    void* const loaded = ::dlopen(kCurlLibrary, RTLD_NOW | RTLD_LOCAL);
    if (loaded == nullptr) log::error("no bucket can be asked: {}; install it: apt install libcurl4", ::dlerror());
    return loaded;
  }();
  return library;
}

// The function of that name; null where there is none.
template <class Function>
Function* curl_function(const char* name) {
  void* const library = curl_library();
  return library == nullptr ? nullptr : reinterpret_cast<Function*>(::dlsym(library, name));
}

}  // namespace
}  // namespace modelfs

#define MODELFS_CURL(name) static auto* const found = modelfs::curl_function<decltype(name)>(#name)

// Each option and fact is a long, a pointer or an offset: all of them take one place of eight bytes among the variable
// arguments of the machines that Debian 12 has in 64 bits, so one of any kind hands on all.
static_assert(sizeof(void*) == sizeof(curl_off_t) && sizeof(void*) == sizeof(long));

extern "C" {

CURLcode curl_global_init(long flags) {
  MODELFS_CURL(curl_global_init);
  return found == nullptr ? CURLE_FAILED_INIT : found(flags);
}

CURL* curl_easy_init() {
  MODELFS_CURL(curl_easy_init);
  return found == nullptr ? nullptr : found();
}

CURLcode curl_easy_setopt(CURL* handle, CURLoption option, ...) {
  MODELFS_CURL(curl_easy_setopt);
  if (found == nullptr) return CURLE_FAILED_INIT;
  va_list arguments;
  va_start(arguments, option);
  void* const value = va_arg(arguments, void*);
  va_end(arguments);
  return found(handle, option, value);
}

CURLcode curl_easy_getinfo(CURL* handle, CURLINFO info, ...) {
  MODELFS_CURL(curl_easy_getinfo);
  if (found == nullptr) return CURLE_FAILED_INIT;
  va_list arguments;
  va_start(arguments, info);
  void* const into = va_arg(arguments, void*);
  va_end(arguments);
  return found(handle, info, into);
}

CURLcode curl_easy_perform(CURL* handle) {
  MODELFS_CURL(curl_easy_perform);
  return found == nullptr ? CURLE_FAILED_INIT : found(handle);
}

void curl_easy_reset(CURL* handle) {
  MODELFS_CURL(curl_easy_reset);
  if (found != nullptr) found(handle);
}

void curl_easy_cleanup(CURL* handle) {
  MODELFS_CURL(curl_easy_cleanup);
  if (found != nullptr) found(handle);
}

const char* curl_easy_strerror(CURLcode code) {
  MODELFS_CURL(curl_easy_strerror);
  return found == nullptr ? "libcurl is not installed" : found(code);
}

curl_slist* curl_slist_append(curl_slist* list, const char* text) {
  MODELFS_CURL(curl_slist_append);
  return found == nullptr ? nullptr : found(list, text);
}

void curl_slist_free_all(curl_slist* list) {
  MODELFS_CURL(curl_slist_free_all);
  if (found != nullptr) found(list);
}

time_t curl_getdate(const char* text, const time_t* unused) {
  MODELFS_CURL(curl_getdate);
  return found == nullptr ? -1 : found(text, unused);
}

}  // extern "C"
