"""What Campaign tells of its emails: the I/O Events journal, log files on SFTP, and made-up campaigns for both."""
