"""Any system posts customer messages and receives replies by signed webhook."""
