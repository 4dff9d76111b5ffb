"""A folder on the path of `clnet run`: what processes that Python starts anew find as torch and torchvision."""
