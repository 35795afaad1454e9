package freshness

// Prefer says which of two passages of different documents to believe, 1 for a, 2 for b, 0 for
// neither, and why: the preference that a Conflict between the two has. Of the statements it
// looks at none, so what is found once can be judged again when dates have changed.
func Prefer(a, b Source) (side int, why string) {
	return prefer(&document{Source: &a}, &document{Source: &b})
}
