package cli

import (
	"strings"

	"orka/search/query"
	"orka/watch"
)

// didYouMean is "; did you mean a or b?" for the candidates nearest to word, or "".
func didYouMean(word string, candidates []string) string {
	near := query.Nearest(word, candidates)
	if len(near) == 0 {
		return ""
	}
	return "; did you mean " + watch.Sanitize(strings.Join(near, " or ")) + "?"
}
