package report

import (
	"fmt"
	"strings"
)

// Replace puts text between the two comments that mark a section of a page.
func Replace(page, section, text string) (string, error) {
	begin, end := fmt.Sprintf("<!-- %s -->\n", section), fmt.Sprintf("<!-- end of %s -->\n", section)
	before, rest, ok := strings.Cut(page, begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return "", fmt.Errorf("the page has no %q and %q", strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return before + begin + text + end + after, nil
}
