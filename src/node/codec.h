// Requests and answers as bytes, and back. JSON, because two adjacent versions of dugong must understand each other:
// fields that are not known are ignored, fields that are missing keep their defaults.
//
// Any byte survives: text that is not UTF-8 travels as {"b64": …}, a Blob always as base64. 64-bit identities and log
// positions travel as text. Nothing here throws, whatever the bytes are.
#pragma once

#include <string>
#include <string_view>

#include "node/request.h"
#include "node/stream.h"

namespace dugong::node {

std::string encode_request(const Request& request);
std::string encode_stream(const StreamRequest& request);
std::string encode_answer(const Answer& answer);

// The name a request travels under ("zfs.create"); what a log or a refusal calls it.
std::string_view name_of(const Request& request);
std::string_view name_of(const StreamRequest& request);

// Errors: conflict for a name this version does not know (the versions differ: upgrade), failed for anything
// unreadable.
Result<Request> decode_request(std::string_view bytes);
Result<StreamRequest> decode_stream(std::string_view bytes);
Result<Answer> decode_answer(std::string_view bytes);

}  // namespace dugong::node
