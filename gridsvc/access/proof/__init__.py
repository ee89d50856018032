"""What proves who somebody is: passwords, second factors and their rules; and who has guessed too often."""
