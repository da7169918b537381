package ui

import (
	"strings"
	"sync"

	"github.com/alecthomas/chroma/v2"
)

// highlightLimit is the largest YAML that is coloured, in bytes; beyond it colouring would take longer than
// a person waits for a text.
const highlightLimit = 512 << 10

// yamlLexer knows the YAML that Kubernetes' own printers write: one key a line, block scalars, no flow
// collections but empty ones. chroma's registry of all languages would cost every start of the program ten
// milliseconds; its engine costs nothing until this is used.
var yamlLexer = sync.OnceValue(func() chroma.Lexer {
	scalar := []chroma.Rule{
		{Pattern: `(true|false|null|~)(?=\s*$)`, Type: chroma.KeywordConstant},
		{Pattern: `[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?(?=\s*$)`, Type: chroma.LiteralNumber},
		{Pattern: `\d{4}-\d\d-\d\dT[\d:.]+Z?(?=\s*$)`, Type: chroma.LiteralDate},
		{Pattern: `[\[\]{}]+(?=\s*$)`, Type: chroma.Punctuation},
		{Pattern: `[^\n]+`, Type: chroma.LiteralString},
	}
	return chroma.MustNewLexer(&chroma.Config{Name: "Kubernetes YAML", EnsureNL: true}, func() chroma.Rules {
		return chroma.Rules{
			"root": {
				{Pattern: `\n`, Type: chroma.TextWhitespace},
				// A block scalar: all that follows and is indented deeper than the line it begins on.
				{Pattern: `^([ ]*)((?:- )*)([^\s#:"'][^:\n]*|"[^"\n]*"|'[^'\n]*')(:)( )([|>][-+\d]*\n)((?:\1[ ]+[^\n]*\n|[ ]*\n)*)`, Type: chroma.ByGroups(
					chroma.TextWhitespace, chroma.Punctuation, chroma.NameTag, chroma.Punctuation, chroma.TextWhitespace, chroma.Punctuation, chroma.LiteralStringDoc)},
				{Pattern: `[ ]+`, Type: chroma.TextWhitespace},
				{Pattern: `#[^\n]*`, Type: chroma.Comment},
				{Pattern: `---(?=\s*$)`, Type: chroma.Punctuation},
				{Pattern: `-(?=\s)`, Type: chroma.Punctuation},
				{Pattern: `("(?:\\.|[^"\\\n])*"|'(?:''|[^'\n])*'|[^\s#:"'\-{\[][^\n]*?|-[^\s][^\n]*?)(:)(?=\s|$)`, Type: chroma.ByGroups(chroma.NameTag, chroma.Punctuation), Mutator: chroma.Push("value")},
				{Pattern: ``, Type: chroma.Text, Mutator: chroma.Push("value")},
			},
			"value": append([]chroma.Rule{
				{Pattern: `\n`, Type: chroma.TextWhitespace, Mutator: chroma.Pop(1)},
				{Pattern: `[ ]+`, Type: chroma.TextWhitespace},
			}, scalar...),
		}
	})
})

// yamlLines cuts sanitised YAML into lines with the theme's styles.
func yamlLines(th *theme, text string) []textLine {
	if len(text) > highlightLimit {
		return plainLines(text)
	}
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	tokens, err := chroma.Tokenise(yamlLexer(), nil, text)
	if err != nil {
		return plainLines(text) // colour is not worth an error
	}
	var lines []textLine
	var line textLine
	var b strings.Builder
	for _, t := range tokens {
		st := yamlStyle(th, t.Type)
		for rest := t.Value; rest != ""; {
			part, after, more := strings.Cut(rest, "\n")
			if part != "" {
				if st != "" {
					line.spans = append(line.spans, styled{b.Len(), b.Len() + len(part), st})
				}
				b.WriteString(part)
			}
			if more {
				line.text = b.String()
				lines = append(lines, line)
				line = textLine{}
				b.Reset()
			}
			rest = after
		}
	}
	if b.Len() > 0 {
		line.text = b.String()
		lines = append(lines, line)
	}
	return lines
}

func yamlStyle(th *theme, t chroma.TokenType) style {
	switch t {
	case chroma.NameTag:
		return th.yamlKey
	case chroma.LiteralString, chroma.LiteralStringDoc:
		return th.yamlString
	case chroma.LiteralNumber, chroma.LiteralDate:
		return th.yamlNumber
	case chroma.KeywordConstant:
		return th.yamlConst
	case chroma.Punctuation:
		return th.yamlPunct
	case chroma.Comment:
		return th.yamlComment
	default:
		return ""
	}
}
