package extract

func markdown(s string) Document { return Document{} }
