#include "engine/s3/s3_xml.h"

#include <charconv>
#include <pugixml.hpp>
#include <sstream>

namespace modelfs {
namespace {

constexpr std::size_t kMessageBytesMax = 300;

bool load(pugi::xml_document& document, std::string_view xml) {
  return xml.size() <= kXmlBytesMax && document.load_buffer(xml.data(), xml.size());
}

// Some servers put a prefix before the names of S3's namespace; none is known, so names are compared as they are.
Status not_an_answer(std::string_view what, std::string_view xml) {
  return {Code::IoError, "it answered no " + std::string(what) + " but " + std::to_string(xml.size()) + " bytes of " +
                             (xml_root(xml).empty() ? "something else" : "<" + xml_root(xml) + ">")};
}

std::string as_one_line(std::string text) {
  for (char& byte : text) {
    if (static_cast<unsigned char>(byte) < ' ' || byte == '\x7f') byte = ' ';
  }
  if (text.size() > kMessageBytesMax) text = text.substr(0, kMessageBytesMax) + "...";
  return text;
}

std::uint64_t number_of(const char* text) {
  const std::string_view digits(text);
  std::uint64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

}  // namespace

std::string xml_root(std::string_view xml) {
  pugi::xml_document document;
  if (!load(document, xml)) return {};
  return as_one_line(document.document_element().name());
}

S3Error parse_s3_error(std::string_view xml) {
  pugi::xml_document document;
  S3Error error;
  if (!load(document, xml)) return error;
  pugi::xml_node root = document.document_element();
  // STS puts it into <ErrorResponse>.
  if (root.child("Error")) root = root.child("Error");
  error.code = as_one_line(root.child("Code").text().get());
  error.message = as_one_line(root.child("Message").text().get());
  error.region = as_one_line(root.child("Region").text().get());
  return error;
}

Result<S3Listing> parse_listing(std::string_view xml) {
  pugi::xml_document document;
  if (!load(document, xml)) return not_an_answer("listing", xml);
  const pugi::xml_node root = document.child("ListBucketResult");
  if (!root) return not_an_answer("listing", xml);
  S3Listing listing;
  listing.is_truncated = std::string_view(root.child("IsTruncated").text().get()) == "true";
  for (const pugi::xml_node entry : root.children("Contents")) {
    S3Listing::Object object;
    object.key = entry.child("Key").text().get();
    object.size_bytes = number_of(entry.child("Size").text().get());
    object.last_modified = entry.child("LastModified").text().get();
    listing.objects.push_back(std::move(object));
  }
  return listing;
}

Result<std::string> xml_text(std::string_view xml, std::string_view path) {
  pugi::xml_document document;
  if (!load(document, xml)) return not_an_answer(path, xml);
  const pugi::xml_node found = document.first_element_by_path(std::string(path).c_str());
  const std::string text = found.text().get();
  if (text.empty()) return not_an_answer(path, xml);
  return text;
}

std::string complete_upload_xml(const std::vector<std::string>& etags) {
  pugi::xml_document document;
  pugi::xml_node root = document.append_child("CompleteMultipartUpload");
  root.append_attribute("xmlns") = "http://s3.amazonaws.com/doc/2006-03-01/";
  unsigned number = 0;
  for (const std::string& etag : etags) {
    pugi::xml_node part = root.append_child("Part");
    part.append_child("PartNumber").text() = ++number;
    part.append_child("ETag").text() = etag.c_str();
  }
  std::ostringstream text;
  document.save(text, "", pugi::format_raw);
  return text.str();
}

}  // namespace modelfs
