// Documents that the program carries inside itself; CMake writes them into one source.
#pragma once

#include <string_view>

namespace imroute::cluster {

std::string_view openapi_document();  // cluster/http/openapi.json
std::string_view chat_page();         // cluster/http/chat.html

}  // namespace imroute::cluster
