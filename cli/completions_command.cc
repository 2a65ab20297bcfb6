// Completion scripts, made from the same table that parses the command line: a new option completes
// without another edit.
#include "cli/commands.h"

namespace imroute {
namespace {

std::string quoted_for_shell(std::string text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

std::string names(const std::vector<CommandInfo>& table) {
  std::vector<std::string> words;
  for (const CommandInfo& info : table) words.push_back(info.name);
  return joined(words);
}

std::string bash(const std::vector<CommandInfo>& table) {
  std::string out =
      "# bash completion of imroute: source <(imroute completions bash)\n"
      "_imroute() {\n"
      "  local current=\"${COMP_WORDS[COMP_CWORD]}\" command=\"${COMP_WORDS[1]}\" words=\"\"\n"
      "  COMPREPLY=()\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
      "    COMPREPLY=($(compgen -W '" +
      names(table) +
      " --version --help' -- \"$current\"))\n"
      "    return\n"
      "  fi\n"
      "  case \"$command\" in\n";
  for (const CommandInfo& info : table) {
    std::vector<std::string> words = info.words;
    for (const auto& [name, help] : info.options) words.push_back(name);
    out += "    " + info.name + ") words='" + joined(words) + "' ;;\n";
  }
  return out +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "  case \"$current\" in -*) ;; *) COMPREPLY+=($(compgen -f -- \"$current\")) ;; esac\n"
         "}\n"
         "complete -o filenames -F _imroute imroute\n";
}

std::string zsh(const std::vector<CommandInfo>& table) {
  auto plain = [](const std::string& text) {  // brackets and colons mean something to _arguments
    std::string out;
    for (const char c : quoted_for_shell(text)) {
      if (c == '[' || c == ']' || c == ':') out += '\\';
      out += c;
    }
    return out;
  };
  std::string out =
      "#compdef imroute\n# zsh completion of imroute: source <(imroute completions zsh)\n"
      "_imroute() {\n  local -a commands\n  commands=(\n";
  for (const CommandInfo& info : table) {
    out += "    '" + info.name + ":" + quoted_for_shell(info.help) + "'\n";
  }
  out +=
      "  )\n  if (( CURRENT == 2 )); then\n    _describe command commands\n    return\n  fi\n"
      "  case \"$words[2]\" in\n";
  for (const CommandInfo& info : table) {
    out += "    " + info.name + ") _arguments";
    for (const auto& [name, help] : info.options) out += " '*" + name + "[" + plain(help) + "]'";
    if (!info.words.empty()) {
      out += " '2:what:(" + joined(info.words) + ")'";
    } else {
      out += std::string(" '*:file:_files") + (info.takes_directory ? " -/" : "") + "'";
    }
    out += " ;;\n";
  }
  return out + "  esac\n}\ncompdef _imroute imroute\n";
}

std::string fish(const std::vector<CommandInfo>& table) {
  std::string out = "# fish completion of imroute: imroute completions fish | source\n";
  for (const CommandInfo& info : table) {
    out += "complete -c imroute -n __fish_use_subcommand -f -a " + info.name + " -d '" +
           quoted_for_shell(info.help) + "'\n";
    const std::string here =
        "complete -c imroute -n '__fish_seen_subcommand_from " + info.name + "'";
    for (const auto& [name, help] : info.options) {
      out += here + " -l " + name.substr(2) + " -d '" + quoted_for_shell(help) + "'\n";
    }
    if (!info.words.empty()) out += here + " -f -a '" + joined(info.words) + "'\n";
  }
  return out;
}

}  // namespace

int completions_command(const Options& options, const Console& console) {
  const std::vector<CommandInfo> table = command_table();
  console.out << (options.topic == "bash"  ? bash(table)
                  : options.topic == "zsh" ? zsh(table)
                                           : fish(table));
  return kExitHeld;
}

}  // namespace imroute
