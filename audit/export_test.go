package audit

// Queued returns how many calls of Append wait for the writer, for tests that fill the queue.
func (l *Log) Queued() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue)
}
