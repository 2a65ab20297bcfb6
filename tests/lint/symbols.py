#!/usr/bin/env python3
"""The core library can reach no clock, thread, file, environment or random device, and defines each
symbol once: its undefined symbols must all be on an allow-list.

symbols.py LIBRARY.a
"""
import re
import sys

import tree

ALLOWED = [re.compile(p) for p in [
    r"^operator (new|delete)(\[\])?\(",
    r"^__cxa_(begin_catch|end_catch|rethrow|pure_virtual|throw_bad_array_new_length|guard_\w+|atexit|"
    r"throw|allocate_exception|free_exception|call_unexpected)$",
    r"^__(gxx_personality_v0|stack_chk_fail|dso_handle|libc_single_threaded)$",
    r"^_Unwind_Resume$", r"^_GLOBAL_OFFSET_TABLE_$", r"^abort$",
    r"^(memcpy|memmove|memset|memcmp|memchr|strlen|strcmp|bcmp|__u?divti3|__u?modti3)$",
    r"^std::__throw_\w+\(", r"^std::(terminate\(\)|nothrow)$", r"^std::__glibcxx_assert_fail\(",
    # Containers and strings compiled into the C++ library.
    r"^std::_Rb_tree_(increment|decrement|insert_and_rebalance|rebalance_for_erase)\(",
    r"^std::(__cxx11::)?basic_string<char, .*>::", r"^std::_Hash_bytes\(",
    r"^std::_Sp_make_shared_tag::", r"^std::bad_\w+::~?bad_\w+\(", r"^std::exception::",
    r"^(vtable|typeinfo|typeinfo name) for (__cxxabiv1::__\w*class_type_info|std::(bad_\w+|exception|"
    r"_Sp_counted_base<.*>))$",
    r"^__(asan|ubsan|sanitizer|gcov)_", r"^__start___sancov|^__stop___sancov|^__sancov",
]]


def main(library):
    violations = []
    defined, strong = set(), {}
    for kind, name in tree.symbols(["--defined-only", "-C"], library):
        defined.add(name)
    for kind, name in tree.symbols(["--defined-only"], library):
        if kind in "TDBR":
            strong[name] = strong.get(name, 0) + 1
    violations += [f"{library}: {name} is defined {count} times"
                   for name, count in sorted(strong.items()) if count > 1]
    wanted = {name for _, name in tree.symbols(["-u", "-C"], library)} - defined
    violations += [f"{library}: reaches outside: {name}" for name in sorted(wanted)
                   if not any(pattern.search(name) for pattern in ALLOWED)]
    tree.finish("symbols", violations, len(strong))


main(sys.argv[1])
